// Long texts as messages of Max: a symbol ends at 32,767 characters. For [js] and Node: ES5.
//
// A text travels as `begin ID COUNT LENGTH`, then `piece ID INDEX TEXT` for each piece. Only ASCII
// travels, so that characters and bytes are the same number: the text must be JSON, where all else
// can be written as \uXXXX.

var PIECE = 30000;
var MAX_PIECES = 1024;

exports.PIECE = PIECE;
exports.MAX_PIECES = MAX_PIECES;
exports.split = split;
exports.Assembly = Assembly;

// The messages, each a list, that carry a value. `id` tells them from those of another text.
function split(id, value) {
  var text = ascii(JSON.stringify(value));
  var count = Math.ceil(text.length / PIECE);
  if (count > MAX_PIECES) {
    throw new Error("a text of " + text.length + " characters is too long to be sent through Max");
  }
  var messages = [["begin", id, count, text.length]];
  for (var i = 0; i < count; i++) {
    messages.push(["piece", id, i, text.substring(i * PIECE, (i + 1) * PIECE)]);
  }
  return messages;
}

function ascii(json) {
  return json.replace(/[\u007f-\uffff]/g, function (character) {
    return "\\u" + ("000" + character.charCodeAt(0).toString(16)).slice(-4);
  });
}

// Puts texts together again. One at a time: another `begin` gives up what was not finished.
function Assembly() {
  this.clear();
}

Assembly.prototype.clear = function () {
  this.id = null;
  this.parts = [];
  this.count = 0;
  this.length = 0;
};

Assembly.prototype.begin = function (id, count, length) {
  this.clear();
  if (!whole(count, 1, MAX_PIECES) || !whole(length, 1, count * PIECE)) {
    return false;
  }
  this.id = String(id);
  this.count = count;
  this.length = length;
  return true;
};

// The value, once its last piece is there; undefined before. Throws an Error for what is no JSON.
Assembly.prototype.piece = function (id, index, text) {
  if (this.id !== String(id)) {
    return undefined; // of a text that was given up
  }
  if (index !== this.parts.length || String(text).length > PIECE) {
    this.clear();
    throw new Error("a piece of a message is missing");
  }
  this.parts.push(String(text));
  if (this.parts.length < this.count) {
    return undefined;
  }
  var joined = this.parts.join("");
  var length = this.length;
  this.clear();
  if (joined.length !== length) {
    throw new Error("a message is shorter than it was said to be");
  }
  return JSON.parse(joined);
};

function whole(value, low, high) {
  return typeof value === "number" && value >= low && value <= high && Math.floor(value) === value;
}
