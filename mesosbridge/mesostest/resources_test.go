package mesostest

import (
	"testing"

	"pgregory.net/rapid"
)

func drawResources(t *rapid.T, label string) resources {
	var r resources
	r = r.plus(resources{
		{kind: kind{name: "cpus"}, milli: rapid.Int64Range(1, 5000).Draw(t, label+" cpus")},
		{kind: kind{name: "cpus", reserved: "(STATIC,a)"}, reservations: staticReservation("a"),
			milli: rapid.Int64Range(1, 5000).Draw(t, label+" reserved")},
	})
	for range rapid.IntRange(1, 4).Draw(t, label+" ranges") {
		begin := rapid.Uint64Range(0, 30).Draw(t, label+" begin")
		end := begin + rapid.Uint64Range(0, 5).Draw(t, label+" length")
		r = r.plus(resources{{kind: kind{name: "ports"}, isRanges: true, ranges: []span{{begin, end}}}})
	}
	return r
}

// What is taken and given back is what it was; a sum contains its parts.
func TestResourcesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawResources(t, "a"), drawResources(t, "b")
		both := a.plus(b)
		if !both.contains(a) || !both.contains(b) {
			t.Fatalf("%v does not contain %v and %v", both, a, b)
		}
		before := both.String("")
		if again := both.minus(a).plus(a); !again.contains(both) || !both.contains(again) {
			t.Fatalf("%v became %v", before, again)
		}
		if rest := both.minus(both); len(rest) != 0 {
			t.Fatalf("left of nothing: %v", rest)
		}
		if a.contains(both) && a.String("") != both.String("") {
			t.Fatalf("%v contains %v", a, both)
		}
		if both.String("") != before {
			t.Fatal("the arguments were changed")
		}
	})
}
