/** The elements of the page. The server has written them; scripts only fill them. */

import type { Shown } from "./shown";
import { type Status, isOpen, isRetriable } from "./types";

/** The element that is always there. */
export function find<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** Sets a text unless it is there already, because a live region would say it again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** What the template of this name makes. */
export function made(template: string): HTMLElement {
  const content = find<HTMLTemplateElement>(`template#${template}`).content;
  return (content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
}

/** Puts texts where their names are: `data-field` has the text, `data-with` is there as long as there is one. */
export function fill(element: HTMLElement, texts: Partial<Shown> | Record<string, string | null>): void {
  for (const [name, text] of Object.entries(texts)) {
    for (const field of element.querySelectorAll(`[data-field="${name}"]`)) say(field, text ?? "");
    for (const field of element.querySelectorAll<HTMLElement>(`[data-with="${name}"]`)) field.hidden = text === null;
  }
}

/** Shows a submission in the element that stands for it: its texts, its status, and what can be done. */
export function show(element: HTMLElement, status: Status, texts: Shown): void {
  fill(element, texts);
  element.dataset.status = status;
  for (const form of element.querySelectorAll<HTMLFormElement>("form[data-action]")) {
    const isOffered = form.dataset.action === "cancel" ? isOpen(status) : isRetriable(status);
    const isLeft = !isOffered && form.contains(document.activeElement);
    form.hidden = !isOffered;
    // The focus must not get lost with the button that it was on.
    if (isLeft) find("[data-home]", element).focus();
  }
}
