import { useState } from "react";
import { useTranslation } from "react-i18next";
import { countJumbo } from "@/domain/emoji/jumbo";
import type { MessageBody } from "@/domain/message";
import { PersonText } from "../common/PersonText";
import { RichTextView } from "./RichTextView";
import css from "./TextBody.module.css";

const collapsed_chars_max = 1_600;
const collapsed_lines_max = 24;

function isLong(text: string): boolean {
  if (text.length > collapsed_chars_max) return true;
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines > collapsed_lines_max) return true;
  }
  return false;
}

export function TextBody({ body, senderName, meta }: { readonly body: Extract<MessageBody, { kind: "text" }>; readonly senderName: string; readonly meta: React.ReactNode }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const long = isLong(body.text);
  if (countJumbo(body.text) > 0) return <div className={css.jumbo}><span dir="auto">{body.text}</span>{meta}</div>;
  return (
    <>
      <div className={`${css.text} ${body.style === "notice" ? css.notice : ""} ${long && !open ? css.folded : ""}`} dir="auto">
        {body.style === "emote" && <><PersonText className={css.actor}>{senderName}</PersonText> </>}
        <RichTextView rich={body.rich} />
        {!long && meta}
      </div>
      {long && <div className={css.foot}>
        <button type="button" className={css.more} aria-expanded={open} onClick={() => setOpen(!open)}>{open ? t("chat.show_less") : t("chat.show_more")}</button>
        {meta}
      </div>}
    </>
  );
}
