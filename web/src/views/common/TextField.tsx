import { useId, type InputHTMLAttributes, type ReactNode, type Ref } from "react";
import { classNames } from "./class_names";
import css from "./TextField.module.css";

export interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "size"> {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: ReactNode;
  /** A button at the end of the field (show the password, clear). */
  readonly trailing?: ReactNode;
  readonly hideLabel?: boolean;
  readonly multiline?: number;
  readonly ref?: Ref<HTMLInputElement>;
}

export function TextField({ label, hint, error, trailing, hideLabel, multiline, className, id, ref, ...rest }: TextFieldProps) {
  const made = useId();
  const fieldId = id ?? made;
  const noteId = `${fieldId}-note`;
  const shared = {
    id: fieldId,
    className: css.input,
    "aria-invalid": error ? true : undefined,
    "aria-describedby": error || hint ? noteId : undefined,
    dir: rest.dir ?? "auto",
  } as const;
  return (
    <div className={classNames(css.field, className)}>
      <label htmlFor={fieldId} className={hideLabel ? "only-heard" : css.label}>{label}</label>
      <div className={classNames(css.frame, error ? css.wrong : undefined)}>
        {multiline
          ? <textarea {...(rest as unknown as React.TextareaHTMLAttributes<HTMLTextAreaElement>)} {...shared} rows={multiline} />
          : <input {...rest} {...shared} ref={ref} />}
        {trailing}
      </div>
      {(error || hint) && <div id={noteId} className={error ? css.error : css.hint} role={error ? "alert" : undefined}>{error || hint}</div>}
    </div>
  );
}
