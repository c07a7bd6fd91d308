/** Formatted text as a tree that views draw with elements of their own: no HTML of anybody else ever reaches the page. */
export type RichText = readonly RichNode[];

export type RichNode =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "break" }
  | { readonly type: "bold" | "italic" | "strike" | "underline" | "quote" | "spoiler" | "paragraph"; readonly children: RichText }
  | { readonly type: "heading"; readonly level: 1 | 2 | 3; readonly children: RichText }
  | { readonly type: "code"; readonly text: string }
  | { readonly type: "code-block"; readonly language: string; readonly text: string }
  | { readonly type: "list"; readonly ordered: boolean; readonly start: number; readonly items: readonly RichText[] }
  /** href is http, https or mailto; the text never lies about the host (see links.ts). */
  | { readonly type: "link"; readonly href: string; readonly children: RichText }
  /** `name` is the sender's word for that person: show the member's own name where it is known. */
  | { readonly type: "mention"; readonly userId: string; readonly name: string }
  /** `target` is a route of this client, "#/room/…" or "#/invite/…" (see invite_link.ts). */
  | { readonly type: "room-link"; readonly target: string; readonly name: string };

/** Elements inside each other; the specification's limit for HTML. */
export const DEPTH_MAX = 100;
/** Nodes of one message; what comes after stays plain. */
export const NODES_MAX = 2_000;
