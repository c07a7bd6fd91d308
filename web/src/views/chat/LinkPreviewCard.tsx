import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { firstLink, type LinkPreview } from "@/domain/link_preview";
import type { Message } from "@/domain/message";
import { Store } from "@/domain/store";
import { useMediaUrl } from "../media/use_media_url";
import { useReadable } from "../use_readable";
import { chatPreferences } from "./chat_preferences";
import css from "./LinkPreviewCard.module.css";

/** Messages whose link's page was asked for from their menu. */
const asked = new Store<ReadonlySet<string>>(new Set());

export function askPreview(messageId: string): void {
  asked.update((ids) => new Set([...ids, messageId]));
}

export function linkOf(message: Message): string | undefined {
  return message.body.kind === "text" ? firstLink(message.body.rich) : undefined;
}

/** What the message's first link leads to. In encrypted chats the server hears of the address only if one asks for it, here or in the settings. */
export function LinkPreviewOf({ message }: { readonly message: Message }) {
  const isAsked = useReadable(asked).has(message.id);
  const { linkPreviews } = useReadable(chatPreferences);
  const url = isAsked || linkPreviews || !message.encrypted ? linkOf(message) : undefined;
  return url === undefined ? null : <Fetched url={url} isAsked={isAsked} />;
}

function Fetched({ url, isAsked }: { readonly url: string; readonly isAsked: boolean }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const [preview, setPreview] = useState<LinkPreview | "none" | undefined>();
  useEffect(() => {
    let isHere = true;
    engine.previewLink(url).then((found) => { if (isHere) setPreview(found ?? "none"); }, () => { if (isHere) setPreview("none"); });
    return () => { isHere = false; };
  }, [engine, url]);
  if (preview === undefined || preview === "none") return isAsked ? <p className={css.note} role="status">{preview === undefined ? t("chat.preview_loading") : t("chat.preview_none")}</p> : null;
  return <Card url={url} preview={preview} />;
}

function Card({ url, preview }: { readonly url: string; readonly preview: LinkPreview }) {
  const { open } = useMediaUrl(preview.picture?.source, { wanted: true, side: 96 });
  return (
    <a className={css.card} href={url} target="_blank" rel="noopener noreferrer nofollow">
      {open && <img src={open.url} alt="" className={css.picture} />}
      <span className={css.words}>
        <bdi className={css.title} dir="auto">{preview.title || preview.site}</bdi>
        {preview.description && <span className={css.text} dir="auto">{preview.description}</span>}
        <bdi className={css.site} dir="ltr">{hostOf(url)}</bdi>
      </span>
    </a>
  );
}

/** Where it really leads, whatever the page calls itself. */
function hostOf(url: string): string {
  return new URL(url).host;
}
