import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { ContactBody, LocationBody } from "./CardBody";
import { LinkPreviewOf } from "./LinkPreviewCard";
import { MediaBody } from "./MediaBody";
import { PollBody } from "./PollBody";
import { StateBody } from "./StateBody";
import { TextBody } from "./TextBody";

/** What a bubble holds. `meta` is the time and ticks: text lets it float into its last line (so a preview stands above it), the others put it below. */
export function BodyView({ message, meta }: { readonly message: Message; readonly meta: ReactNode }) {
  const { t } = useTranslation();
  const { body } = message;
  switch (body.kind) {
    case "text": return <><LinkPreviewOf message={message} /><TextBody body={body} senderName={message.senderName} meta={meta} /></>;
    case "image": case "sticker": case "video": case "voice": case "audio": case "file":
      return <MediaBody message={message} body={body} meta={meta} />;
    case "location": return <><LocationBody body={body} />{meta}</>;
    case "contact": return <><ContactBody body={body} />{meta}</>;
    case "poll": return <PollBody message={message} body={body} meta={meta} />;
    case "call": case "change": return <><span>{t(body.text)}</span>{meta}</>;
    default: return <><StateBody message={message} />{meta}</>;
  }
}
