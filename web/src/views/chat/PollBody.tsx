import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message, MessageBody } from "@/domain/message";
import { useFormats } from "../common/locale";
import { useChatActions } from "./chat_actions";
import css from "./PollBody.module.css";

export function PollBody({ message, body, meta }: { readonly message: Message; readonly meta: React.ReactNode; readonly body: Extract<MessageBody, { kind: "poll" }> }) {
  const { t } = useTranslation();
  const { chat } = useChatActions();
  const formats = useFormats();
  const results = message.pollResults ?? { votes: {}, mine: [], ended: false };
  const single = body.selectionsMax <= 1;
  const shown = results.ended || (body.disclosed && results.mine.length > 0);
  const voters = new Set(Object.values(results.votes).flat()).size;
  const most = Math.max(0, ...body.answers.map(({ id }) => results.votes[id]?.length ?? 0));
  const vote = (id: string) => {
    if (!message.eventId || results.ended) return;
    const chosen = results.mine.includes(id) ? results.mine.filter((each) => each !== id) : single ? [id] : [...results.mine, id].slice(-body.selectionsMax);
    chat.vote(message.eventId, chosen);
  };
  return (
    <div className={css.poll}>
      <p className={css.question}><bdi>{body.question}</bdi></p>
      <p className={css.note}>{results.ended ? t("poll.ended") : single ? t("poll.choose_one") : t("poll.choose_many", { count: body.selectionsMax })}</p>
      <div role={single ? "radiogroup" : "group"} aria-label={body.question.slice(0, 200)} className={css.answers}>
        {body.answers.map((answer) => {
          const mine = results.mine.includes(answer.id);
          const count = results.votes[answer.id]?.length ?? 0;
          return (
            <button key={answer.id} type="button" role={single ? "radio" : "checkbox"} aria-checked={mine} disabled={results.ended || !message.eventId} className={css.answer} onClick={() => vote(answer.id)}>
              <span className={`${css.mark} ${single ? css.round : ""} ${mine ? css.chosen : ""}`} aria-hidden="true">{mine && <Check size={14} />}</span>
              <span className={results.ended && count > 0 && count === most ? css.winner : css.text} dir="auto">{answer.text}</span>
              {shown && <span className={css.count}>{formats.number(count)}</span>}
              {shown && <span className={css.bar} aria-hidden="true"><span style={{ inlineSize: `${voters ? (count / voters) * 100 : 0}%` }} /></span>}
            </button>
          );
        })}
      </div>
      <div className={css.foot}>
        <span>{body.disclosed || results.ended ? t("poll.votes", { count: voters }) : t("poll.hidden")}</span>
        {message.isOwn && !results.ended && message.eventId && <button type="button" className={css.end} onClick={() => chat.endPoll(message.eventId!)}>{t("poll.end")}</button>}
        {meta}
      </div>
    </div>
  );
}
