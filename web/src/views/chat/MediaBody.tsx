import type { ReactNode } from "react";
import type { Engine } from "@/domain/engine";
import type { Message, MessageBody } from "@/domain/message";
import { useEngine } from "@/app/engine_context";
import { isHeard } from "@/domain/heard";
import { useReadable } from "../use_readable";
import { AlbumGrid } from "../media/AlbumGrid";
import { FileCard } from "../media/FileCard";
import { ImageBubble } from "../media/ImageBubble";
import { Sticker } from "../media/Sticker";
import { VideoBubble } from "../media/VideoBubble";
import { ViewOnceBubble } from "../media/ViewOnceBubble";
import type { Track } from "../media/playback";
import { VoicePlayer } from "../media/VoicePlayer";
import { useChatActions, type ChatActions } from "./chat_actions";
import { RichTextView } from "./RichTextView";
import { UploadCover } from "./UploadCover";
import css from "./MediaBody.module.css";

type Media = Extract<MessageBody, { kind: "image" | "sticker" | "video" | "voice" | "audio" | "file" }>;

/** Pictures, films, sound and files, with their caption. */
export function MediaBody({ message, body, meta }: { readonly message: Message; readonly body: Media; readonly meta: ReactNode }) {
  const actions = useChatActions();
  const caption = "caption" in body ? body.caption : undefined;
  return (
    <div className={css.media}>
      <Piece message={message} body={body} actions={actions} />
      {caption?.length ? <div className={css.caption} dir="auto"><RichTextView rich={caption} />{meta}</div> : meta}
    </div>
  );
}

function coverUpload(message: Message): ReactNode {
  return <UploadCover message={message} />;
}

function Piece({ message, body, actions }: { readonly message: Message; readonly body: Media; readonly actions: ChatActions }) {
  if (message.album) return <AlbumGrid messages={message.album} onOpen={actions.openMedia} cover={coverUpload} />;
  return <Single message={message} body={body} actions={actions} />;
}

function Single({ message, body, actions }: { readonly message: Message; readonly body: Media; readonly actions: ChatActions }) {
  const uploads = useReadable(actions.chat.uploads);
  const upload = uploads.find((each) => each.messageId === message.id);
  const share = upload && upload.total > 0 ? upload.done / upload.total : undefined;
  if (message.viewOnce && message.eventId && (body.kind === "image" || body.kind === "video" || body.kind === "voice")) {
    const source = "source" in body ? body.source : body.picture.source;
    return <ViewOnceBubble kind={body.kind} source={source} isOwn={message.isOwn} isViewed={false} onViewed={() => actions.chat.markViewed(message.eventId!)} />;
  }
  const open = () => actions.openMedia(message);
  switch (body.kind) {
    case "image": return <div className={css.piece}><ImageBubble picture={body.picture} name={body.name} onOpen={open} /><UploadCover message={message} /></div>;
    case "sticker": return <Sticker picture={body.picture} name={body.name} />;
    case "video": return <div className={css.piece}><VideoBubble picture={body.picture} durationMs={body.durationMs} name={body.name} onOpen={open} /><UploadCover message={message} /></div>;
    case "voice": return <VoiceMessage message={message} body={body} actions={actions} />;
    default: return (
      <FileCard
        source={body.source}
        name={body.name}
        kind={body.kind}
        {...(share === undefined ? {} : { upload: share, onCancel: () => actions.chat.cancel(message.id) })}
        {...(message.status === "failed" ? { onRetry: () => actions.chat.retry(message.id) } : {})}
      />
    );
  }
}

function VoiceMessage({ message, body, actions }: { readonly message: Message; readonly body: Voice; readonly actions: ChatActions }) {
  const engine = useEngine();
  const heard = useReadable(engine.heard);
  return <VoicePlayer track={trackOf(message, body, actions, engine)} waveform={body.waveform} isNew={!isHeard(heard, message)} />;
}

type Voice = Extract<MessageBody, { kind: "voice" | "audio" }>;

/** A voice message, and after it the one that follows in the chat, if that is one too. */
function trackOf(message: Message, body: Voice, actions: ChatActions, engine: Pick<Engine, "markHeard">): Track {
  const next = (): Track | undefined => {
    const { items } = actions.chat.timeline.get();
    const at = items.findLastIndex((item) => item.type === "message" && item.message.id === message.id);
    const following = at < 0 ? undefined : items.slice(at + 1).find((item) => item.type === "message");
    if (following?.type !== "message" || following.message.body.kind !== "voice" || following.message.viewOnce) return undefined;
    return trackOf(following.message, following.message.body, actions, engine);
  };
  const onPlayed = () => { if (message.eventId && !message.isOwn) engine.markHeard(message.eventId); };
  return { id: message.id, source: body.source, durationMs: body.durationMs, next, onPlayed };
}
