import { useEffect, useState } from "react";
import { Copy, Download, Printer } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useApp } from "@/app/app_context";
import type { Problem } from "@/domain/problem";
import { Button } from "@/views/common/Button";
import { Waiting } from "@/views/common/Waiting";
import css from "./ArriveForm.module.css";
import { ProblemNote, toProblem } from "./ProblemNote";
import { buildKeyFile } from "./recovery_key_file";

interface SaveRecoveryKeyProps {
  readonly userId: string;
  /** Makes the keys and returns the recovery key, in groups of letters. */
  readonly create: () => Promise<string>;
  readonly onDone: () => void;
}

/** One sentence, then saved in one step: the file is downloaded and the chats open. */
export function SaveRecoveryKey({ userId, create, onDone }: SaveRecoveryKeyProps) {
  const { t } = useTranslation();
  const app = useApp();
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tries, setTries] = useState(0);
  const [isSaved, setIsSaved] = useState(false);
  useEffect(() => {
    let isGone = false;
    setProblem(null);
    create().then(
      (made) => !isGone && setKey(made),
      (error: unknown) => !isGone && setProblem(toProblem(error)),
    );
    return () => {
      isGone = true;
    };
  }, [create, tries]);

  if (problem !== null) {
    return (
      <div className={css.form}>
        <h1 className={css.title}>{t("arrive.keyTitle")}</h1>
        <ProblemNote problem={problem} />
        <Button variant="primary" wide onClick={() => setTries(tries + 1)}>{t("ui.retry")}</Button>
        <Button wide onClick={onDone}>{t("arrive.keyLater")}</Button>
      </div>
    );
  }
  if (key === "") {
    return (
      <div className={css.form}>
        <h1 className={css.title}>{t("arrive.keyTitle")}</h1>
        <Waiting sentence={t("arrive.keyMaking")} />
      </div>
    );
  }
  const saveFile = (): void => {
    const text = buildKeyFile({ title: t("arrive.keyFileTitle"), userId, key, note: t("arrive.keyFileNote"), server: location.origin });
    app.saveFile(`${t("arrive.keyFileName")}-${userId.slice(1).replace(/[^\w.-]/g, "-")}.txt`, new Blob([text], { type: "text/plain;charset=utf-8" }));
  };
  return (
    <div className={css.form}>
      <div className={css.heading}>
        <h1 className={css.title}>{t("arrive.keyTitle")}</h1>
        <p className={css.intro}>{t("arrive.keyIntro")}</p>
      </div>
      <output className={css.key} dir="ltr" aria-label={t("arrive.keyTitle")} data-recovery-key={key}>
        {key.split(" ").map((group, index) => <span key={index}>{group}</span>)}
      </output>
      <div className={css.buttons}>
        <Button icon={Copy} onClick={() => void app.copyText(key).then(() => setIsSaved(true), (error: unknown) => setProblem(toProblem(error)))}>{isSaved ? t("arrive.keyCopied") : t("arrive.keyCopy")}</Button>
        <Button icon={Printer} onClick={() => { app.print(); setIsSaved(true); }}>{t("arrive.keyPrint")}</Button>
      </div>
      <div className={css.buttons}>
        <Button variant="primary" wide autoFocus data-save-key icon={isSaved ? undefined : Download} onClick={() => { if (!isSaved) saveFile(); onDone(); }}>{isSaved ? t("arrive.keyContinue") : t("arrive.keySave")}</Button>
      </div>
    </div>
  );
}
