import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { foldText } from "@/domain/arabic_text";
import { compareChats } from "@/domain/chat_order";
import type { GuardedContent } from "@/domain/forward_guard/fingerprint";
import type { Decision } from "@/domain/forward_guard/forward_guard";
import { guardedContent } from "@/domain/forward_guard/guarded_content";
import type { Message } from "@/domain/message";
import { useMedia } from "../media/media_context";
import { useReadable } from "../use_readable";
import { Avatar } from "../common/Avatar";
import { Banner } from "../common/Banner";
import { Button } from "../common/Button";
import { ConfirmDialog, Dialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { PersonText } from "../common/PersonText";
import { TextField } from "../common/TextField";
import { showToast, useShowProblem } from "../common/Toasts";
import { describeLimit, targetOf } from "./forward_limits";
import { forwardMessage } from "./forward_message";
import { useForwardGuard } from "./guard_context";
import css from "./ForwardDialog.module.css";

const shown_max = 60;

interface Checked {
  readonly message: Message;
  readonly content: GuardedContent;
  readonly decision: Decision;
}

/** Chooses where a message goes on to. The ladder decides to how many chats; from the second hop on it asks once more. */
export function ForwardDialog({ messages, onClose }: { readonly messages: readonly Message[]; readonly onClose: (sent: boolean) => void }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const guard = useForwardGuard();
  const media = useMedia();
  const showProblem = useShowProblem();
  const chats = useReadable(engine.chats);
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState<readonly ChatSummary[]>([]);
  const [asking, setAsking] = useState(false);
  const formats = useFormats();
  const checked = useMemo<readonly Checked[]>(() => messages.map((message) => {
    const content = guardedContent(message.body);
    return { message, content, decision: guard.inspectMessage({ content, hop: message.hop, isOwn: message.isOwn }) };
  }), [messages, guard]);
  // Of several messages the one that may go least far speaks for all.
  const strictest = useMemo(() => checked.map(({ decision }) => decision).toSorted((a, b) => roomLeft(a) - roomLeft(b))[0], [checked]);
  const limit = strictest ? describeLimit(strictest, t, formats) : "";
  const may = (list: readonly ChatSummary[]) => checked.every(({ content, decision }) => guard.mayForward(decision, content, list.map(targetOf)));
  const found = useMemo(() => {
    const wanted = foldText(words);
    return chats.filter((chat) => chat.membership === "join" && chat.maySend && chat.kind !== "community" && foldText(chat.name).includes(wanted)).sort(compareChats).slice(0, shown_max);
  }, [chats, words]);

  const toggle = (chat: ChatSummary) => {
    setChosen((list) => (list.some((each) => each.roomId === chat.roomId) ? list.filter((each) => each.roomId !== chat.roomId) : [...list, chat]));
  };
  const send = () => {
    for (const { message, content, decision } of checked) {
      if (decision.kind === "forward") guard.recordForward(content, chosen.map(targetOf));
      for (const chat of chosen) forwardMessage(message, engine.openChat(chat.roomId), decision.hop, media).catch(showProblem);
    }
    showToast({ text: t("forward.done", { count: chosen.length }) });
    onClose(true);
  };

  return <>
    <Dialog
      open
      onOpenChange={() => onClose(false)}
      title={t("forward.title")}
      footer={<Button variant="primary" disabled={!chosen.length} onClick={() => (checked.some(({ decision }) => decision.confirm) ? setAsking(true) : send())}>{chosen.length ? t("forward.send", { count: chosen.length }) : t("composer.send")}</Button>}
    >
      {limit && <Banner tone={strictest?.kind === "forward" && strictest.chatsLeft === 0 ? "warn" : "info"} rounded>{limit}</Banner>}
      <TextField label={t("forward.search")} hideLabel placeholder={t("forward.search")} value={words} onChange={(event) => setWords(event.target.value)} autoFocus />
      <ul className={css.chats}>
        {found.map((chat) => {
          const checkedNow = chosen.some((each) => each.roomId === chat.roomId);
          const disabled = !checkedNow && !may([...chosen, chat]);
          return (
            <li key={chat.roomId}>
              <label className={css.chat} data-disabled={disabled || undefined}>
                <input type="checkbox" className={css.check} checked={checkedNow} disabled={disabled} onChange={() => toggle(chat)} />
                <Avatar id={chat.peer?.userId ?? chat.roomId} name={chat.name} {...(chat.avatar ? { source: chat.avatar } : {})} size={36} />
                <PersonText className={css.name}>{chat.name}</PersonText>
              </label>
            </li>
          );
        })}
      </ul>
      {!found.length && <p>{t("forward.nothing_found")}</p>}
    </Dialog>
    <ConfirmDialog open={asking} onOpenChange={setAsking} title={t("forward.confirm_title")} description={t("forward.confirm_text")} confirm={t("forward.confirm_send")} onConfirm={send} />
  </>;
}

function roomLeft(decision: Decision): number {
  return decision.kind === "own" ? Infinity : decision.chatsLeft + decision.groupsLeft / 2;
}
