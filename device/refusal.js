// Why something was not done: what happened, and what to do about it. For [js]: ES5.

exports.Refusal = Refusal;
exports.refuse = refuse;
exports.described = described;

function Refusal(code, message, hint) {
  this.code = code;
  this.message = message;
  this.hint = hint || "";
}

Refusal.prototype.toString = function () {
  return this.message;
};

function refuse(code, message, hint) {
  throw new Refusal(code, message, hint);
}

// An error as data. What was not foreseen is told too, for nobody sees Max's window.
function described(error) {
  if (error instanceof Refusal) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  return {
    code: "failed",
    message: String((error && error.message) || error),
    hint: "Max's console may say more",
  };
}
