import { useTranslation } from "react-i18next";
import { useMemo } from "react";
import type { MessageBody } from "@/domain/message";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { useFormats } from "../common/locale";

const preview_chars_max = 240;

/** One line that stands for a message: in the list of chats, in quotes, in what a screen reader says. */
export function usePreview(): (body: MessageBody) => string {
  const { t } = useTranslation();
  const formats = useFormats();
  return useMemo(() => (body) => {
    try {
      return describe(body, t, formats.clock).slice(0, preview_chars_max);
    } catch {
      return t("preview.broken");
    }
  }, [t, formats]);
}

type Translate = (key: string) => string;

function describe(body: MessageBody, t: Translate, clock: (ms: number) => string): string {
  switch (body.kind) {
    // From the tree, where spoilers can be told from the rest and stay covered.
    case "text": return richTextToPlain(body.rich, false).slice(0, preview_chars_max * 2).replace(/\s+/gu, " ").trim();
    case "image": return t("preview.image");
    case "sticker": return t("preview.sticker");
    case "video": return t("preview.video");
    case "voice": return `${t("preview.voice")} ${clock(body.durationMs)}`;
    case "audio": return t("preview.audio");
    case "file": return `${t("preview.file")} ${body.name}`;
    case "location": return body.label ? `${t("preview.location")} ${body.label}` : t("preview.location");
    case "contact": return `${t("preview.contact")} ${body.name}`;
    case "poll": return `${t("preview.poll")} ${body.question}`;
    case "call": case "change": return t(body.text);
    case "deleted": return t("preview.deleted");
    case "undecryptable": return t("preview.undecryptable");
    default: return t("preview.broken");
  }
}
