import { useVirtualizer } from "@tanstack/react-virtual";
import { lazy, Suspense, useEffect, useEffectEvent, useRef, useState } from "react";
import { Images } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { Message } from "@/domain/message";
import { openLinks } from "@/domain/rich_links";
import type { GalleryKind } from "@/domain/room_details";
import { EmptyState } from "../common/EmptyState";
import { Tabs } from "../common/Tabs";
import { useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { MediaFrame } from "../media/MediaFrame";
import type { ViewerItem } from "../media/Viewer";
import { MessageLine } from "./MessageLine";
import css from "./info.module.css";

const Viewer = lazy(async () => ({ default: (await import("../media/Viewer")).Viewer }));
const COLUMNS = 3;
const LINE_REM = 5;
const KINDS: readonly GalleryKind[] = ["media", "files", "links"];

export interface GalleryPageProps {
  readonly roomId: string;
  readonly onOpenEvent: (eventId: string) => void;
}

/** Pictures, files and links of a chat, newest first, as far as this device has read them. */
export function GalleryPage(props: GalleryPageProps) {
  const { t } = useTranslation();
  const [kind, setKind] = useState<GalleryKind>("media");
  return <Tabs label={t("info.gallery")} value={kind} onValueChange={(value) => setKind(KINDS.find((each) => each === value) ?? "media")} tabs={KINDS.map((each) => ({ value: each, label: t(`info.gallery_${each}`), content: <Gallery key={each} kind={each} {...props} /> }))} />;
}

function useGallery(roomId: string, kind: GalleryKind): { readonly messages: readonly Message[]; readonly isLoading: boolean; loadMore(): void } {
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [messages, setMessages] = useState<readonly Message[]>([]);
  const [next, setNext] = useState<number | "start" | "end">("start");
  const [isLoading, setIsLoading] = useState(false);
  const loadMore = () => {
    if (isLoading || next === "end") return;
    setIsLoading(true);
    engine.care(roomId).loadGallery(kind, next === "start" ? undefined : next).then((page) => {
      setMessages((before) => [...before, ...page.messages]);
      setNext(page.next ?? "end");
    }, showProblem).finally(() => setIsLoading(false));
  };
  const loadFirst = useEffectEvent(loadMore);
  useEffect(() => loadFirst(), [roomId, kind]);
  return { messages, isLoading: isLoading || next === "start", loadMore };
}

function Gallery({ roomId, kind, onOpenEvent }: GalleryPageProps & { readonly kind: GalleryKind }) {
  const { t } = useTranslation();
  const { messages, isLoading, loadMore } = useGallery(roomId, kind);
  const [shown, setShown] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const columns = kind === "media" ? COLUMNS : 1;
  const rows = Math.ceil(messages.length / columns);
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  // oxlint-disable-next-line react/incompatible-library -- it changes inside; rows get what they show as properties
  const virtualizer = useVirtualizer({ count: rows, getScrollElement: () => scroller.current, estimateSize: () => (kind === "media" ? (scroller.current?.clientWidth ?? 360) / COLUMNS : LINE_REM * rem), overscan: 4 });
  const last = virtualizer.getVirtualItems().at(-1)?.index ?? 0;
  const more = useEffectEvent(loadMore);
  useEffect(() => { if (rows > 0 && last >= rows - 3) more(); }, [last, rows]);
  if (rows === 0) return isLoading ? <Waiting sentence={t("info.gallery_loading")} /> : <EmptyState icon={Images} title={t(`info.gallery_no_${kind}`)}>{t("info.gallery_none_text")}</EmptyState>;
  return (
    <div ref={scroller} className={css.scroller}>
      <ul className={css.list} style={{ blockSize: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => (
          <li key={item.key} className={css.item} style={{ blockSize: item.size, transform: `translateY(${item.start}px)` }}>
            {kind === "media"
              ? <div className={css.tiles}>{messages.slice(item.index * COLUMNS, (item.index + 1) * COLUMNS).map((message) => <Tile key={message.id} message={message} onOpen={() => setShown(message.id)} />)}</div>
              : <MessageLine message={messages[item.index]!} text={kind === "links" ? linksOf(messages[item.index]!) : undefined} onOpen={onOpenEvent} />}
          </li>
        ))}
      </ul>
      {shown && <Suspense><Viewer items={[...messages].reverse().flatMap(viewerItem)} startId={shown} onClose={() => setShown(null)} onNeedBefore={loadMore} /></Suspense>}
    </div>
  );
}

function Tile({ message, onOpen }: { readonly message: Message; readonly onOpen: () => void }) {
  const { t } = useTranslation();
  const { body } = message;
  if (body.kind !== "image" && body.kind !== "video") return null;
  return <div className={css.tile}><MediaFrame fills side={160} picture={body.picture} onlyThumbnail={body.kind === "video"} label={t(body.kind === "image" ? "media.photo" : "media.video", { name: body.name })} onOpen={onOpen} /></div>;
}

function viewerItem(message: Message): readonly ViewerItem[] {
  const { body } = message;
  if (body.kind !== "image" && body.kind !== "video") return [];
  return [{ id: message.id, kind: body.kind, picture: body.picture, name: body.name, senderName: message.senderName, sentAt: message.sentAt }];
}

function linksOf({ body }: Message): string {
  return body.kind === "text" ? [...new Set(openLinks(body.rich))].join(" ") : "";
}
