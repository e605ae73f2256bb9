//! What `contract` does with a post, an order and a record of a schema's kind: reads and judges it, alone or in a bulk,
//! and writes it as a record's value and as a document.

use std::hint::black_box;

use contract::{Bulk, BulkFormat, BulkLimits, Order, Parser, Place, PostId, SchemaKind, document, record};

use bench::Measure;
use bodies::{ORDER, READING, READING_KIND, SIZES, ascii_only, body, prose};

mod bodies;

/// The services' own allocator. The system's takes a number of instructions that depends on earlier allocations, even
/// on the length of the program's path.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW_MS: i64 = 1_700_000_000_123;
const BULK_POSTS: usize = 1_000;
const LIMITS: BulkLimits = BulkLimits { records: 10_000, record_bytes: 65_536 };

fn parse(measure: &Measure) {
    let others = [
        ("prose", prose()),
        ("4 KB of ASCII alone", ascii_only()),
        ("invalid", br#"{"title":"a","content":{"words":["amber","anchor"]}}"#.to_vec()),
        ("broken", body("300 B")[..200].to_vec()),
    ];
    let mut parser = Parser::default();
    for (name, body) in SIZES.map(|size| (size, body(size))).into_iter().chain(others) {
        let core = |body: &mut Vec<u8>| black_box(parser.parse(body)).is_ok();
        measure.core(&format!("parse/{name}"), || body.clone(), core);
    }
}

fn parse_bulk(measure: &Measure) {
    let posts = vec![String::from_utf8(body("300 B")).expect("JSON is UTF-8"); BULK_POSTS];
    let array = format!("[{}]", posts.join(","));
    for (name, body, format) in [("array", array, BulkFormat::Array), ("lines", posts.join("\n"), BulkFormat::Lines)] {
        let bulk = || Bulk::new(body.clone().into_bytes(), format, LIMITS);
        measure.core(&format!("parse bulk/1,000 posts, {name}"), bulk, |bulk| {
            let mut valid = 0;
            while let Some(post) = bulk.next_post().expect("the bulk is whole") {
                valid += usize::from(black_box(post).is_ok());
            }
            assert_eq!(valid, BULK_POSTS);
        });
    }
}

fn encode(measure: &Measure) {
    let id = PostId::from_idempotency_key(b"bench").expect("it has no space");
    let bodies = SIZES.map(|size| (size, body(size)));
    for (name, mut body) in bodies.into_iter().chain([("prose", prose())]) {
        let mut parser = Parser::default();
        let post = parser.parse(&mut body).expect("the post is valid");
        measure.core(&format!("record value/{name}"), || post, |post| record::encode_value(post));
        measure.core(&format!("BSON document/{name}"), || post, |post| document::encode(id, post, NOW_MS));
    }
}

fn order(measure: &Measure) {
    measure.core("order/parse", || (), |_| black_box(Order::parse(ORDER, NOW_MS)).is_ok());
    let order = Order::parse(ORDER, NOW_MS).expect("the order is valid");
    measure.core("order/record value", || (), |_| order.encode_value());
    let place = Place { partition: 3, offset: 4_711, timestamp_ms: NOW_MS };
    measure.core("order/BSON document", || (), |_| order.document(&place));
}

fn reading(measure: &Measure) {
    let kind = SchemaKind::read(READING_KIND).expect("the file is valid");
    measure.core("reading/judge", || (), |_| black_box(kind.judge(READING)).is_ok());
    let invalid = br#"{"station":7,"humidity":101,"device":{"id":""},"colour":"red"}"#;
    measure.core("reading/judge, invalid", || (), |_| black_box(kind.judge(invalid)).is_ok());
    let record = kind.judge(READING).unwrap_or_else(|errors| panic!("{errors}"));
    let id = PostId::from_idempotency_key(b"bench").expect("it has no space");
    measure.core("reading/BSON document", || (), |_| record.document(id, NOW_MS));
}

fn main() {
    let measure = Measure::from_arguments();
    parse(&measure);
    parse_bulk(&measure);
    encode(&measure);
    order(&measure);
    reading(&measure);
}
