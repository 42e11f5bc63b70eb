// Sets parameters of devices. For [js] (ES5) and [v8].
//
// In: bang (from live.thisdevice), mark, begin and piece (a block of changes), undo.
// Out: `applied begin` and `applied piece`, a report for the bridge.

inlets = 1;
outlets = 1;

var parameters = require("parameters");
var Live = require("live").Live;
var Applicator = require("applicator").Applicator;

var writer = null;
var applicator = new Applicator("parameters", apply, function (message) {
  outlet(0, message);
});

function bang() {
  notifydeleted();
  applicator.start(
    new Live(function (path) {
      return new LiveAPI(path);
    })
  );
  writer = new parameters.Writer(
    applicator.live,
    function (work) {
      return new Task(work);
    },
    function (said) {
      applicator.send(said);
    }
  );
}

function mark() {
  applicator.mark();
}

function begin(id, count, length) {
  applicator.begin(id, count, length);
}

function piece(id, index, text) {
  applicator.piece(id, index, text);
}

// Puts the parameters of the last block back, those that nobody touched since.
function undo() {
  applicator.tell(function () {
    applicator.ready();
    return writer.undo();
  });
}

// The device is being deleted: what still moves must not go on.
function notifydeleted() {
  if (writer !== null) {
    writer.stop();
  }
}

function apply(block) {
  return writer.write(parameters.checked(block), applicator.selected());
}
apply.local = 1;
