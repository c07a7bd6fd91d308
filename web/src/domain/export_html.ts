import type { ExportTexts } from "./export";
import type { Message } from "./message";
import { richTextToPlain } from "./rich_text_plain";

/** The readable pages of an export. Everything in them was written by somebody: it is escaped, and no page runs a script. */

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:auto;padding:1rem}
header{border-block-end:1px solid #8886;margin-block-end:1rem}article{margin-block:.75rem;padding:.5rem .75rem;border:1px solid #8884;border-radius:.75rem;max-width:80%;width:fit-content}
article.own{margin-inline-start:auto;background:#0b676618}.who{font-weight:600}.meta{opacity:.7;font-size:.8em}img,video{max-width:100%;max-height:24rem;border-radius:.5rem}.body{white-space:pre-wrap;overflow-wrap:anywhere}.note{opacity:.75;font-style:italic}`;
const POLICY = "default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'unsafe-inline'";
const SHOWN_AS: readonly (readonly [RegExp, (path: string) => string])[] = [
  [/\.(?:jpe?g|png|gif|webp)$/iu, (path) => `<img loading="lazy" src="${path}" alt="">`],
  [/\.(?:mp4|webm)$/iu, (path) => `<video controls preload="none" src="${path}"></video>`],
  [/\.(?:ogg|weba|mp3|m4a)$/iu, (path) => `<audio controls preload="none" src="${path}"></audio>`],
];

export function escapeHtml(text: string): string {
  return text.replace(/&/gu, "&amp;").replace(/</gu, "&lt;").replace(/>/gu, "&gt;").replace(/"/gu, "&quot;").replace(/'/gu, "&#39;");
}

function escapePath(path: string): string {
  return escapeHtml(path.split("/").map(encodeURIComponent).join("/"));
}

export function pageStart(title: string, texts: ExportTexts): string {
  return `<!doctype html>\n<html lang="${escapeHtml(texts.language)}" dir="${texts.isRightToLeft ? "rtl" : "ltr"}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><header><h1 dir="auto">${escapeHtml(title)}</h1></header>\n`;
}

export const PAGE_END = "</body></html>\n";

export function noteHtml(text: string): string {
  return `<p class="note">${escapeHtml(text)}</p>\n`;
}

/** `file` is the path beside the page, or null if the message's file could not be read; undefined if it has none. */
export function messageHtml(message: Message, texts: ExportTexts, file: string | null | undefined): string {
  const { body } = message;
  const words = "caption" in body && body.caption ? richTextToPlain(body.caption) : body.kind === "text" ? richTextToPlain(body.rich) : texts.describe(body);
  const shown = file ? fileHtml(file) : file === null ? `<p class="note">${escapeHtml(texts.missingFile)}</p>` : "";
  const edited = message.edited ? ` · ${escapeHtml(texts.edited)}` : "";
  const reactions = message.reactions.map(({ key, senders }) => `${key} ${senders.length}`).join("  ");
  return `<article${message.isOwn ? ' class="own"' : ""} id="${escapeHtml(message.eventId ?? message.id)}"><bdi class="who" title="${escapeHtml(message.sender)}">${escapeHtml(message.senderName)}</bdi> <time class="meta" datetime="${new Date(message.sentAt).toISOString()}">${escapeHtml(texts.time(message.sentAt))}${edited}</time>${shown}<div class="body" dir="auto">${escapeHtml(words)}</div>${reactions === "" ? "" : `<div class="meta">${escapeHtml(reactions)}</div>`}</article>\n`;
}

function fileHtml(path: string): string {
  const escaped = escapePath(path);
  const show = SHOWN_AS.find(([ending]) => ending.test(path))?.[1];
  const name = escapeHtml(path.slice(path.lastIndexOf("/") + 1));
  return `<div>${show ? show(escaped) : ""}<a href="${escaped}" download><bdi>${name}</bdi></a></div>`;
}

export function indexHtml(chats: readonly { readonly folder: string; readonly name: string; readonly messages: number }[], texts: ExportTexts): string {
  const rows = chats.map(({ folder, name, messages }) => `<li><a href="${escapePath(`${folder}/chat.html`)}"><bdi>${escapeHtml(name)}</bdi></a> <span class="meta">${messages}</span></li>`);
  return `${pageStart(texts.title, texts)}<p>${escapeHtml(texts.intro)}</p><ul>\n${rows.join("\n")}\n</ul>${PAGE_END}`;
}
