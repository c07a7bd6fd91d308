import type { RichText } from "./rich_text";

/** Where a text leads to, in order: also by words that are links themselves, but not behind a spoiler. */
export function* openLinks(rich: RichText): Generator<string> {
  for (const node of rich) {
    if (node.type === "link") yield node.href;
    if (node.type === "spoiler") continue;
    if (node.type === "list") for (const item of node.items) yield* openLinks(item);
    else if ("children" in node) yield* openLinks(node.children);
  }
}
