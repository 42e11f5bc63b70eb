// Sets parameters of devices. For [js] (ES5) and [v8].
//
// In: bang (from live.thisdevice), mark, begin and piece (a block of changes), undo.
// Out: `applied begin` and `applied piece`, a report for the bridge.

inlets = 1;
outlets = 1;

var pieces = require("pieces");
var parameters = require("parameters");
var refusal = require("refusal");
var Live = require("live").Live;

var writer = null;
var selected = 0;
var assembly = new pieces.Assembly();
var reports = 0;

function bang() {
  var live = new Live(function (path) {
    return new LiveAPI(path);
  });
  if (writer !== null) {
    writer.stop();
  }
  writer = new parameters.Writer(
    live,
    function (work) {
      return new Task(work);
    },
    send
  );
}

function mark() {
  selected = writer ? writer.live.selectedTrack() : 0;
}

function begin(id, count, length) {
  if (!assembly.begin(id, count, length)) {
    tell(function () {
      refusal.refuse(
        "too_large",
        "the block is too large to come through Max",
        "change fewer things"
      );
    });
  }
}

function piece(id, index, text) {
  tell(function () {
    var block = assembly.piece(id, index, text);
    if (block === undefined) {
      return undefined;
    }
    ready();
    return writer.write(parameters.checked(block), selected || writer.live.selectedTrack());
  });
}

// Puts the parameters of the last block back, those that nobody touched since.
function undo() {
  tell(function () {
    ready();
    return writer.undo();
  });
}

// The device is being deleted: what still moves must not go on.
function notifydeleted() {
  if (writer !== null) {
    writer.stop();
  }
}

function ready() {
  if (writer === null) {
    refusal.refuse("unavailable", "Live is not ready yet", "ask again in a moment");
  }
}
ready.local = 1;

function tell(work) {
  var said;
  try {
    said = work();
  } catch (error) {
    said = { type: "applied", ok: false, kind: "parameters", error: refusal.described(error) };
  }
  if (said !== undefined) {
    send(said);
  }
}
tell.local = 1;

function send(said) {
  var messages = pieces.split("parameters-" + ++reports, said);
  for (var i = 0; i < messages.length; i++) {
    outlet(0, ["applied"].concat(messages[i]));
  }
}
send.local = 1;
