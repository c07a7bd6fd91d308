import { useState } from "react";
import { Plus, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "../common/Button";
import { Dialog } from "../common/Dialog";
import { IconButton } from "../common/IconButton";
import { Switch } from "../common/Switch";
import { TextField } from "../common/TextField";
import css from "./SendDialogs.module.css";

const answers_max = 12;
const question_letters_max = 255;

export function PollDialog({ onClose, onSend }: { readonly onClose: () => void; readonly onSend: (question: string, answers: readonly string[], selectionsMax: number, disclosed: boolean) => void }) {
  const { t } = useTranslation();
  const [question, setQuestion] = useState("");
  const [answers, setAnswers] = useState(["", ""]);
  const [several, setSeveral] = useState(false);
  const [disclosed, setDisclosed] = useState(true);
  const given = [...new Set(answers.map((answer) => answer.trim()).filter(Boolean))];
  const ready = question.trim() !== "" && given.length >= 2;
  const send = () => { onSend(question.trim(), given, several ? given.length : 1, disclosed); onClose(); };
  return (
    <Dialog open onOpenChange={onClose} title={t("poll.new")} footer={<Button variant="primary" disabled={!ready} onClick={send}>{t("composer.send")}</Button>}>
      <TextField label={t("poll.question")} value={question} maxLength={question_letters_max} onChange={(event) => setQuestion(event.target.value)} autoFocus />
      <div className={css.stack}>
        {answers.map((answer, at) => (
          <TextField
            key={at}
            label={t("poll.answer", { number: at + 1 })}
            hideLabel
            placeholder={t("poll.answer", { number: at + 1 })}
            maxLength={question_letters_max}
            value={answer}
            onChange={(event) => setAnswers(answers.map((old, each) => (each === at ? event.target.value : old)))}
            trailing={answers.length > 2 && <IconButton label={t("poll.remove_answer", { number: at + 1 })} icon={X} iconSize={18} onClick={() => setAnswers(answers.filter((_, each) => each !== at))} />}
          />
        ))}
        {answers.length < answers_max && <Button variant="quiet" icon={Plus} onClick={() => setAnswers([...answers, ""])}>{t("poll.add_answer")}</Button>}
      </div>
      <Switch label={t("poll.several")} checked={several} onCheckedChange={setSeveral} />
      <Switch label={t("poll.show_votes")} hint={t("poll.show_votes_hint")} checked={disclosed} onCheckedChange={setDisclosed} />
    </Dialog>
  );
}
