/** The few signs, drawn as lines in the text's own colour. */

export const line = (path: string, width = 2) => () => (
  <svg width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width={width} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
    <path d={path} />
  </svg>
);

export const CloseIcon = line("M6 6l12 12M18 6L6 18");
export const MoreIcon = line("M12 5v.1M12 12v.1M12 19v.1", 3);
export const SendIcon = line("M12 19V5M6 11l6-6 6 6");
export const PersonIcon = line("M12 11.5a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5zM5 20c.6-3.6 3.4-5.5 7-5.5s6.4 1.9 7 5.5");
export const ClockIcon = line("M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5V12l3 2");
export const DownIcon = line("M12 5v14M6 13l6 6 6-6");
export const AlertIcon = line("M12 4L2.8 20h18.4zM12 10v4.5M12 17.3v.1");
export const LinkIcon = line("M14 4h6v6M20 4l-9 9M18 14v6H4V6h6");
export const ClipIcon = line("M19.5 11.5l-7.8 7.8a4.6 4.6 0 0 1-6.5-6.5l8.3-8.3a3 3 0 0 1 4.3 4.3l-8.2 8.2a1.5 1.5 0 0 1-2.1-2.1l7.2-7.2");
export const MicIcon = line("M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4");
export const StopIcon = () => (
  <svg width="20" height="20" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
    <rect x="6.5" y="6.5" width="11" height="11" rx="2" />
  </svg>
);
