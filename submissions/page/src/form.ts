/** The form that submits. */

import { type Api, Refused } from "./api";
import { counterOf, faultOf, isBlank } from "./content";
import { find, say } from "./dom";
import type { Outcome } from "./outcome";

/** Sends the form by the API, without leaving the page. A content has at most `most` characters. */
export function enhanceForm(api: Api, most: number, outcome: Outcome): void {
  const form = find<HTMLFormElement>("#submit");
  const content = find<HTMLTextAreaElement>("#content");
  const fault = find("#fault");
  const counter = find("#counter");
  // A request that got no answer may have been accepted: the same content is sent again under the same key.
  let sent = { content: "", key: "" };
  let isSending = false;

  const judge = (text: string | null) => {
    say(fault, text ?? "");
    content.setAttribute("aria-invalid", String(text !== null));
  };
  const count = () => {
    say(counter, counterOf(content.value, most));
    // Nothing is wrong with a form that nobody has filled in yet.
    judge(isBlank(content.value) ? null : faultOf(content.value, most));
  };
  const send = async () => {
    const text = content.value;
    const wrong = faultOf(text, most);
    judge(wrong);
    if (wrong !== null) return content.focus();
    if (isSending) return;
    isSending = true;
    if (sent.content !== text) sent = { content: text, key: randomKey() };
    try {
      const accepted = await api.submit(text, sent.key);
      sent = { content: "", key: "" };
      // What was written meanwhile stays.
      if (content.value === text) content.value = "";
      count();
      outcome.done(accepted);
    } catch (error) {
      const why = error instanceof Refused ? error.message : "no answer";
      if (error instanceof Refused && !error.isTemporary) judge(`Not accepted: ${why}.`);
      else outcome.said(`Not submitted: ${why}. Your text is kept; try again.`);
    } finally {
      isSending = false;
    }
  };

  // The browser's own messages would come before ours.
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  content.addEventListener("input", count);
  content.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  // A browser may have restored a text.
  count();
}

/** 128 random bits. `crypto.randomUUID` is missing where a page comes by plain HTTP from another host. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
