import type { ReactNode } from "react";
import type { Message, MessageBody } from "@/domain/message";
import { useReadable } from "../use_readable";
import { FileCard } from "../media/FileCard";
import { ImageBubble } from "../media/ImageBubble";
import { Sticker } from "../media/Sticker";
import { VideoBubble } from "../media/VideoBubble";
import { ViewOnceBubble } from "../media/ViewOnceBubble";
import { VoicePlayer } from "../media/VoicePlayer";
import { useChatActions, type ChatActions } from "./chat_actions";
import { RichTextView } from "./RichTextView";
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

function Piece({ message, body, actions }: { readonly message: Message; readonly body: Media; readonly actions: ChatActions }) {
  const uploads = useReadable(actions.chat.uploads);
  const upload = uploads.find((each) => each.messageId === message.id);
  const share = upload && upload.total > 0 ? upload.done / upload.total : undefined;
  if (message.viewOnce && message.eventId && (body.kind === "image" || body.kind === "video" || body.kind === "voice")) {
    const source = "source" in body ? body.source : body.picture.source;
    return <ViewOnceBubble kind={body.kind} source={source} isOwn={message.isOwn} isViewed={false} onViewed={() => actions.chat.markViewed(message.eventId!)} />;
  }
  const open = () => actions.openMedia(message);
  switch (body.kind) {
    case "image": return <ImageBubble picture={body.picture} name={body.name} onOpen={open} />;
    case "sticker": return <Sticker picture={body.picture} name={body.name} />;
    case "video": return <VideoBubble picture={body.picture} durationMs={body.durationMs} name={body.name} onOpen={open} />;
    case "voice": return <VoicePlayer track={{ id: message.id, source: body.source, durationMs: body.durationMs }} waveform={body.waveform} />;
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
