import { cleanName, cleanText } from "./bidi";
import type { Picture } from "./message";
import { openLinks } from "./rich_links";
import type { RichText } from "./rich_text";
import { readInteger, readRecord, readString, readToken } from "./untrusted";

/** What a linked page says about itself, as the server has read it. Everything is bounded text; nothing of the page is run. */
export interface LinkPreview {
  readonly title: string;
  readonly description: string;
  readonly site: string;
  readonly picture?: Picture;
}

const TITLE_LENGTH_MAX = 200;
const DESCRIPTION_LENGTH_MAX = 400;
const SITE_LENGTH_MAX = 100;
const MXC_LENGTH_MAX = 500;
const PIXELS_MAX = 100_000;

/** The answer of GET /media/preview_url; undefined if the page says nothing worth showing. */
export function parseLinkPreview(answer: unknown): LinkPreview | undefined {
  const record = readRecord(answer);
  const title = cleanName(readString(record, "og:title") ?? "", TITLE_LENGTH_MAX);
  const description = cleanText(readString(record, "og:description") ?? "", DESCRIPTION_LENGTH_MAX).replace(/\s+/gu, " ").trim();
  if (title === "" && description === "") return undefined;
  const mxc = readToken(record, "og:image", MXC_LENGTH_MAX);
  const picture = mxc !== undefined && /^mxc:\/\/[\w.:[\]-]+\/[\w-]+$/u.test(mxc)
    ? {
        picture: {
          source: { mxc, mimeType: "image/*", size: 0 },
          width: readInteger(record, "og:image:width", 0, PIXELS_MAX) ?? 0,
          height: readInteger(record, "og:image:height", 0, PIXELS_MAX) ?? 0,
        },
      }
    : {};
  return { title, description, site: cleanName(readString(record, "og:site_name") ?? "", SITE_LENGTH_MAX), ...picture };
}

/** The first web page a text links to, not behind a spoiler; undefined if there is none. */
export function firstLink(rich: RichText): string | undefined {
  for (const href of openLinks(rich)) if (/^https?:\/\//u.test(href)) return href;
  return undefined;
}
