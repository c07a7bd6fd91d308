import { cleanName } from "./bidi";
import { buildRoute, parseMatrixLink } from "./invite_link";
import { displayHref, findLinks, isDeceptive, safeHref } from "./links";
import type { RichNode, RichText } from "./rich_text";
import { richTextToPlain } from "./rich_text_plain";

export const MENTION_NAME_LENGTH_MAX = 100;

/** A link of a message as a node: a mention, a way into a chat, an address, or nothing if it is none of these. */
export function buildLinkNode(href: string, children: RichText): RichNode | undefined {
  const target = parseMatrixLink(href);
  const shown = cleanName(richTextToPlain(children), MENTION_NAME_LENGTH_MAX);
  if (target !== undefined) {
    // The raw address of a person or chat is no name for it.
    const name = shown === "" || /:\/\/|^matrix:/iu.test(shown) ? "" : shown;
    if (target.kind === "user") return { type: "mention", userId: target.userId, name: name.replace(/^@(?!.*:)/u, "") || target.userId };
    return { type: "room-link", target: buildRoute(target), name: name === "" ? target.room : name };
  }
  const safe = safeHref(href);
  if (safe === undefined) return undefined;
  const honest = shown !== "" && !isDeceptive(shown, safe);
  return { type: "link", href: safe, children: honest ? children : [{ type: "text", text: displayHref(safe) }] };
}

/** Text with the addresses in it made links. */
export function linkifyText(text: string): RichText {
  const nodes: RichNode[] = [];
  let from = 0;
  for (const link of findLinks(text)) {
    const shown = text.slice(link.start, link.end);
    const node = buildLinkNode(link.href, [{ type: "text", text: shown }]);
    if (node === undefined) continue;
    if (link.start > from) nodes.push({ type: "text", text: text.slice(from, link.start) });
    nodes.push(node);
    from = link.end;
  }
  if (from < text.length) nodes.push({ type: "text", text: text.slice(from) });
  return nodes;
}

/** Plain text as people type it: lines and addresses. */
export function parsePlain(text: string): RichText {
  const nodes: RichNode[] = [];
  for (const node of linkifyText(text)) {
    if (node.type !== "text") nodes.push(node);
    else pushLines(nodes, node.text);
  }
  return nodes;
}

/** Lines of a message that become nodes; the rest stays one text with line feeds, which views show with white-space: pre-wrap. */
export const LINES_MAX = 500;

function pushLines(nodes: RichNode[], text: string): void {
  const lines = text.split("\n");
  const head = lines.length > LINES_MAX ? [...lines.slice(0, LINES_MAX), lines.slice(LINES_MAX).join("\n")] : lines;
  head.forEach((line, index) => {
    if (index > 0) nodes.push({ type: "break" });
    if (line !== "") nodes.push({ type: "text", text: line });
  });
}
