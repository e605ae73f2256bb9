"use strict";

/* Each form shows its request as a curl command, and sends it to the service that the page came from. */
for (const form of document.querySelectorAll(".try")) {
  const { method, path } = form.dataset;
  const inputs = [...form.querySelectorAll("input")];
  const select = form.querySelector("select");
  const body = form.querySelector("textarea");
  const curl = form.querySelector(".curl code");
  const button = form.querySelector("button");
  const outcome = form.querySelector("output");
  const answer = form.querySelector(".answer");

  const request = () => {
    let filled = path;
    for (const input of inputs.filter((input) => input.dataset.in === "path" && input.value !== "")) {
      filled = filled.replace(`{${input.name}}`, encodeURIComponent(input.value));
    }
    // Relative, so that it works behind a proxy that serves the page under another path.
    const url = new URL("." + filled, location.href);
    const headers = {};
    for (const input of inputs.filter((input) => input.value !== "")) {
      if (input.dataset.in === "header") headers[input.name] = input.value;
      else if (input.dataset.in === "query") url.searchParams.set(input.name, input.value);
    }
    if (body) headers["content-type"] = select.value;
    return { url, options: { method, headers, body: body ? body.value : undefined } };
  };
  const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const show = () => {
    const { url, options } = request();
    const words = ["curl -i " + quoted(url.href)];
    for (const [name, value] of Object.entries(options.headers)) words.push("-H " + quoted(name + ": " + value));
    if (body) words.push("--data-binary " + quoted(body.value));
    curl.textContent = words.join(" \\\n  ");
  };
  const pretty = (text, type) => {
    if (!/json/.test(type)) return text;
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  };
  const send = async () => {
    button.disabled = true;
    outcome.textContent = "Waiting for the answer";
    answer.hidden = true;
    const started = performance.now();
    try {
      const { url, options } = request();
      const response = await fetch(url, options);
      const text = await response.text();
      const took = Math.round(performance.now() - started);
      outcome.textContent = `${response.status} ${response.statusText} after ${took} ms`;
      const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      answer.firstChild.textContent = head + "\n\n" + pretty(text, response.headers.get("content-type") || "");
      answer.hidden = false;
    } catch (error) {
      outcome.textContent = `No answer: ${error.message}`;
    } finally {
      button.disabled = false;
    }
  };
  const example = () => {
    body.value = select.selectedOptions[0].dataset.example;
    show();
  };

  form.hidden = false;
  form.addEventListener("input", show);
  button.addEventListener("click", send);
  if (select) {
    select.addEventListener("change", example);
    example();
  } else {
    show();
  }
}

/* A link to an operation opens it. */
const open = () => {
  const operation = document.getElementById(location.hash.slice(1));
  if (operation && operation.matches(".operation")) {
    operation.open = true;
    operation.scrollIntoView();
  }
};
addEventListener("hashchange", open);
open();
