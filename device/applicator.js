// What the applicators have in common: a block comes in pieces, a report of it goes out. For [js]:
// ES5.

var pieces = require("pieces");
var refusal = require("refusal");

exports.Applicator = Applicator;

// `apply` does what a whole block says and returns a report. `out` sends a message to the bridge.
function Applicator(kind, apply, out) {
  this.kind = kind;
  this.apply = apply;
  this.out = out;
  this.live = null;
  this.marked = 0;
  this.assembly = new pieces.Assembly();
  this.reports = 0;
}

// Before this, Live has no object for us.
Applicator.prototype.start = function (live) {
  this.live = live;
};

// A prompt was sent: "selected" in its answer means the track that is selected now; or `instead`,
// the id of another.
Applicator.prototype.mark = function (instead) {
  this.marked = instead || (this.live ? this.live.selectedTrack() : 0);
};

// The id of the track that is meant by "selected".
Applicator.prototype.selected = function () {
  return this.marked || this.live.selectedTrack();
};

Applicator.prototype.begin = function (id, count, length) {
  if (!this.assembly.begin(id, count, length)) {
    this.tell(function () {
      refusal.refuse("too_large", "the block is too large to come through Max", "ask for less");
    });
  }
};

Applicator.prototype.piece = function (id, index, text) {
  var self = this;
  this.tell(function () {
    var block = self.assembly.piece(id, index, text);
    if (block === undefined) {
      return undefined;
    }
    self.ready();
    return self.apply(block);
  });
};

Applicator.prototype.ready = function () {
  if (this.live === null) {
    refusal.refuse("unavailable", "Live is not ready yet", "ask again in a moment");
  }
};

// Sends what `work` returns, or why it did not come to that; nothing for undefined.
Applicator.prototype.tell = function (work) {
  var said;
  try {
    said = work();
  } catch (error) {
    said = { type: "applied", ok: false, kind: this.kind, error: refusal.described(error) };
  }
  if (said !== undefined) {
    this.send(said);
  }
};

Applicator.prototype.send = function (said) {
  this.reports += 1;
  var messages = pieces.split(this.kind + "-" + this.reports, said);
  for (var i = 0; i < messages.length; i++) {
    this.out(["applied"].concat(messages[i]));
  }
};
