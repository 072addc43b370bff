import { type ReactNode, useId } from 'react';

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: (readonly [T, string])[];
  onChoose: (value: T) => void;
}

/** One of several values, below what they are about. */
export function Choice<T extends string>({ label, value, choices, onChoose }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="choice">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="select" value={value} onChange={({ target }) => onChoose(target.value as T)}>
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

interface ToggleProps {
  pressed: boolean;
  onToggle: (pressed: boolean) => void;
  children: ReactNode;
}

/** A button that is on or off. */
export function Toggle({ pressed, onToggle, children }: ToggleProps) {
  return (
    <button type="button" className="button" aria-pressed={pressed} onClick={() => onToggle(!pressed)}>
      {children}
    </button>
  );
}
