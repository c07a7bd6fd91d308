import type { RichText } from "@/domain/rich_text";

/** The words of formatted text, for places that show no formatting. */
export function plainText(rich: RichText): string {
  return rich.map((node) => {
    switch (node.type) {
      case "text": case "code": case "code-block": return node.text;
      case "break": return "\n";
      case "mention": case "room-link": return node.name;
      case "list": return node.items.map((item) => `• ${plainText(item)}`).join("\n");
      default: return plainText(node.children);
    }
  }).join("");
}
