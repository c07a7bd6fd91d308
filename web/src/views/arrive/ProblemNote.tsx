import { useTranslation } from "react-i18next";
import { Problem } from "@/domain/problem";
import { Banner } from "@/views/common/Banner";
import css from "./ArriveForm.module.css";

/** What went wrong, and what to do next. */
export function ProblemNote({ problem }: { readonly problem: Problem | null }) {
  const { t, i18n } = useTranslation();
  if (problem === null) return null;
  const code = i18n.exists(`problem.${problem.code}`) ? problem.code : "unknown";
  return (
    <Banner tone="danger" announce rounded>
      <span className={css.problem}>
        <strong>{t(`problem.${code}`, problem.values)}</strong>
        <span>{t(`problem.${code}_next`, problem.values)}</span>
      </span>
    </Banner>
  );
}

/** Any failure as something that can be told. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem("unknown", {}, error);
}
