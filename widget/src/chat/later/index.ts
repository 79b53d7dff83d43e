/** What is needed once there is a conversation, or something of it was asked for: loaded with the first message. */
import { addStyles } from "../styles";
import styles from "./later.css?inline";

addStyles(styles);

export { apply } from "./apply";
export { Bubble } from "./Bubble";
export { Closed } from "./Closed";
export { Face } from "./Face";
export { FollowUp } from "./FollowUp";
export { More } from "./More";
export { Passage } from "./Passage";
export { Place } from "./Place";
export { Sheet } from "./Sheet";
export { Stream } from "./stream";
export { divider } from "./time";
export { Dots, Waiting } from "./Waiting";
