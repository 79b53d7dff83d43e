/** Two soft tones where a notification is due. Off until somebody presses the button in the menu; this browser keeps that. */

const WANTED = "desk:sound";
const RANG = "desk:rang";
const ONCE_MS = 1500; // several tabs of one desk hear of the same thing
const TONES = [660, 880]; // Hz

const isOn = () => localStorage.getItem(WANTED) === "yes";

function ring(): void {
  const context = new AudioContext();
  TONES.forEach((frequency, n) => {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const begin = context.currentTime + n * 0.14;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.12, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.22); // without it a tone ends with a crack
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 0.24);
    if (n === TONES.length - 1) tone.addEventListener("ended", () => void context.close());
  });
}

/** Sounds once for all tabs, if it is wanted. */
export function chime(): void {
  if (!isOn() || Date.now() - Number(localStorage.getItem(RANG) ?? 0) < ONCE_MS) return;
  localStorage.setItem(RANG, String(Date.now()));
  ring();
}

export function sound(element: HTMLElement): () => void {
  const button = element as HTMLButtonElement;
  if (!("AudioContext" in window)) return () => undefined;
  const draw = () => {
    button.hidden = false;
    button.textContent = (isOn() ? button.dataset["off"] : button.dataset["on"]) ?? "";
  };
  const press = () => {
    if (isOn()) localStorage.removeItem(WANTED);
    else {
      localStorage.setItem(WANTED, "yes");
      ring(); // what it will be; and a browser lets a page sound only after a press
    }
    draw();
  };
  draw();
  button.addEventListener("click", press);
  return () => button.removeEventListener("click", press);
}
