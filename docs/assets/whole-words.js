// The search takes every word for the beginning of others, drops one before a colon, and reads signs as commands. Who
// pastes a message means its words as they are, but for the id of its request: only the last one may be a beginning, as it
// may be typed still.
const QUERY = 2; // among the messages that the theme sends to its search
const send = Worker.prototype.postMessage;

Worker.prototype.postMessage = function (message) {
  if (message.type === QUERY) {
    const words = message.data.replace(/\(request id [^)]*\)/g, " ").replace(/[:"+*^~\\]|(?<!\S)-/g, " ").trim();
    message = { ...message, data: words.replace(/\S+(?=\s)/g, "$&^1") };
  }
  send.call(this, message);
};

// The theme looks when a key is let go, which a paste by the mouse never does.
document.addEventListener("input", ({ target }) => {
  if (target.matches("input[name=query]")) target.dispatchEvent(new Event("keyup"));
});
