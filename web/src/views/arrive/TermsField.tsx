import { useTranslation } from "react-i18next";
import type { TermsDocument } from "@/domain/arrival";
import css from "./ArriveForm.module.css";

interface TermsFieldProps {
  readonly documents: readonly TermsDocument[];
  readonly accepted: ReadonlySet<string>;
  readonly onChange: (accepted: ReadonlySet<string>) => void;
}

export function TermsField({ documents, accepted, onChange }: TermsFieldProps) {
  const { t } = useTranslation();
  if (documents.length === 0) return null;
  const toggle = (id: string): void => {
    const changed = new Set(accepted);
    if (!changed.delete(id)) changed.add(id);
    onChange(changed);
  };
  return (
    <fieldset className={css.terms}>
      <legend>{t("arrive.terms")}</legend>
      {documents.map((each) => (
        <label key={each.id} className={css.document}>
          <input type="checkbox" checked={accepted.has(each.id)} onChange={() => toggle(each.id)} />
          <a href={each.url} target="_blank" rel="noopener noreferrer"><bdi>{each.name}</bdi></a>
        </label>
      ))}
    </fieldset>
  );
}
