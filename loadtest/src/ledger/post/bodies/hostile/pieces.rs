//! The pieces of hostile texts, by the fault that they show. Characters that cannot be seen, or that look like others,
//! are written as escapes.

/// What a text is made of.
pub(crate) type Pieces = &'static [&'static str];

/// All but [`WORDS`] and [`FOUR_BYTES`].
pub(crate) const FLAVOURS: [Pieces; 8] = [EMOJI, MARKS, RIGHT_TO_LEFT, QUOTES, CONTROLS, SPACES, MARKUP, BORDERS];

/// Text without any difficulty, between the pieces that have one.
pub(crate) const WORDS: Pieces = &["amber ", "harbor ", "kettle ", "lantern ", "willow "];

/// Characters of four bytes in UTF-8, and of two units in UTF-16.
pub(crate) const FOUR_BYTES: Pieces = &["😀", "🦀", "𝒳", "𐍈", "𠜎", "\u{10ffff}"];

/// Emoji, many of which are sequences: skin tones, joined by U+200D, with a variation selector, flags.
const EMOJI: Pieces = &[
    "😀",
    "👍\u{1f3fd}",
    "👩\u{1f3ff}\u{200d}🚀",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦",
    "🏳\u{fe0f}\u{200d}🌈",
    "❤\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "\u{1f1e9}\u{1f1ea}",
];

/// Characters that every form of Unicode's normalisation changes: the same letter composed and decomposed, marks in
/// both orders, letters with a canonical or a compatible double, and letters whose case is special.
const MARKS: Pieces = &[
    "\u{e9}e\u{301}",
    "\u{c5}A\u{30a}\u{212b}",
    "\u{ac00}\u{1100}\u{1161}",
    "q\u{307}\u{323}q\u{323}\u{307}",
    "\u{3a9}\u{2126}K\u{212a}",
    "\u{fb01}fi\u{2460}\u{ff11}",
    "\u{df}\u{1e9e}\u{130}i\u{307}\u{131}",
    "o\u{302}\u{303}\u{304}\u{305}\u{306}",
];

/// Hebrew and Arabic, with controls that turn the direction of what follows.
const RIGHT_TO_LEFT: Pieces = &[
    "\u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{202c}",
    "\u{2067}\u{645}\u{631}\u{62d}\u{628}\u{627}\u{2069}",
    "\u{202b}(\u{5d0}[1])\u{202c}",
    "\u{200f}\u{661}\u{662}\u{663}\u{200e}",
    "\u{61c}\u{644}\u{627}\u{202d}abc\u{202c}",
    "\u{202e}gpj.exe",
];

/// What JSON escapes, and what looks like an escape but is plain text.
const QUOTES: Pieces = &[
    "\"", "\\", "/", "\\\"", "\\\\", "\\/", "//", "\\n", "\\u0041", "\\u0000", "\\ud83d", "'", "`", "\"}", "\",\"",
    "],",
];

/// Characters that JSON has only as escapes, and the other controls of Unicode.
const CONTROLS: Pieces = &[
    "\0",
    "\u{1}",
    "\u{2}",
    "\u{3}",
    "\u{4}",
    "\u{5}",
    "\u{6}",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\u{b}",
    "\u{c}",
    "\r",
    "\u{e}",
    "\u{f}",
    "\u{10}",
    "\u{11}",
    "\u{12}",
    "\u{13}",
    "\u{14}",
    "\u{15}",
    "\u{16}",
    "\u{17}",
    "\u{18}",
    "\u{19}",
    "\u{1a}",
    "\u{1b}",
    "\u{1c}",
    "\u{1d}",
    "\u{1e}",
    "\u{1f}",
    "\r\n",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{9f}",
];

/// White space of every kind, and characters that are not seen at all. A text may start or end with them.
const SPACES: Pieces = &[
    " ", "  ", "\u{a0}", "\u{ad}", "\u{180e}", "\u{2003}", "\u{200b}", "\u{2028}", "\u{2029}", "\u{2060}", "\u{3000}",
    "\u{feff}",
];

/// What other languages read as code, as an entity, as a placeholder or as no value.
const MARKUP: Pieces = &[
    "<b>&amp;</b>",
    "</script>",
    "<!--",
    "&#233;",
    "%00",
    "%c3%a9",
    "+",
    "${title}",
    "{{content}}",
    "{}",
    "$where",
    "a.b",
    "'; drop table posts; --",
    "null",
    "NaN",
    "=1+1",
    "../",
];

/// The first and last characters of each length in UTF-8, those around the surrogates, and those that stand for
/// nothing.
const BORDERS: Pieces = &[
    "\u{7f}",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10000}",
    "\u{1ffff}",
    "\u{10ffff}",
];
