import type { RichNode, RichText } from "./rich_text";

/** What a reader sees, as plain text: for previews, notifications, search and copying. Spoilers stay covered unless asked for. */
export function richTextToPlain(rich: RichText, showSpoilers = true): string {
  return writeNodes(rich, showSpoilers).replace(/\n{3,}/gu, "\n\n").trim();
}

const BLOCKS: ReadonlySet<RichNode["type"]> = new Set(["paragraph", "quote", "heading", "code-block", "list"]);

function writeNodes(rich: RichText, showSpoilers: boolean): string {
  let out = "";
  for (const node of rich) {
    const block = BLOCKS.has(node.type);
    if (block && out !== "" && !out.endsWith("\n")) out += "\n";
    out += writeNode(node, showSpoilers);
    if (block) out += "\n";
  }
  return out;
}

function writeNode(node: RichNode, showSpoilers: boolean): string {
  switch (node.type) {
    case "text":
    case "code":
    case "code-block":
      return node.text;
    case "break":
      return "\n";
    case "mention":
    case "room-link":
      return node.name;
    case "list":
      return node.items
        .map((item, index) => `${node.ordered ? `${node.start + index}.` : "•"} ${writeNodes(item, showSpoilers).trim()}`)
        .join("\n");
    case "spoiler":
      return showSpoilers ? writeNodes(node.children, showSpoilers) : "▒▒▒▒";
    default:
      return writeNodes(node.children, showSpoilers);
  }
}

/** The user IDs a text mentions, in order, each once. */
export function findMentions(rich: RichText): readonly string[] {
  const found = new Set<string>();
  const visit = (nodes: RichText): void => {
    for (const node of nodes) {
      if (node.type === "mention") found.add(node.userId);
      else if (node.type === "list") node.items.forEach(visit);
      else if ("children" in node) visit(node.children);
    }
  };
  visit(rich);
  return [...found];
}
