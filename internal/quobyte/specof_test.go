package quobyte

import (
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"
)

func TestSpecOfRoundsInFavourOfTheService(t *testing.T) {
	cluster := smallest()
	data := &cluster.Spec.Services.Data
	data.Resources.CPUs = resource.MustParse("1.23401")
	data.Resources.Memory = resource.MustParse("1G") // 953.67 MiB
	data.Resources.Disk = resource.MustParse("1")
	data.MemoryReserve = resource.MustParse("100M") // 95.37 MiB
	spec := SpecOf(cluster, Data)
	if spec.MilliCPUs != 1235 || spec.MemMiB != 954 || spec.DiskMiB != 1 || spec.HeapMiB != 859 {
		t.Errorf("got %d millicpus, %d MiB memory, %d MiB disk, %d MiB heap; want 1235, 954, 1, 859",
			spec.MilliCPUs, spec.MemMiB, spec.DiskMiB, spec.HeapMiB)
	}
}

func TestAcceptedMemoryLeavesAHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := rapid.Int64Range(1, 1<<50).Draw(t, "memory")
		reserve := rapid.Int64Range(0, memory-1).Draw(t, "reserve")
		cluster := smallest()
		cluster.Spec.Services.S3.Resources.Memory = *resource.NewQuantity(memory, resource.BinarySI)
		cluster.Spec.Services.S3.MemoryReserve = *resource.NewQuantity(reserve, resource.BinarySI)
		spec := SpecOf(cluster, S3)
		if spec.HeapMiB < 1 || spec.HeapMiB > spec.MemMiB {
			t.Fatalf("heap of %d MiB in %d MiB", spec.HeapMiB, spec.MemMiB)
		}
		if spec.MemMiB*mebibyte < memory || (spec.MemMiB-1)*mebibyte >= memory {
			t.Fatalf("%d bytes became %d MiB", memory, spec.MemMiB)
		}
	})
}

// TestHealthIsCutToMilliseconds: less than that is no other check, and restarts nothing.
func TestHealthIsCutToMilliseconds(t *testing.T) {
	cluster := smallest()
	h := &cluster.Spec.Health
	h.Interval.Duration = 1_000_000_100 * time.Nanosecond
	h.Timeout.Duration = 1_999_999_999 * time.Nanosecond
	h.GracePeriod.Duration = 999_999 * time.Nanosecond
	want := Health{Path: "/", IntervalMillis: 1000, TimeoutMillis: 1999, GraceMillis: 0}
	if got := SpecOf(cluster, Data).Health; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	check := healthCheck(SpecOf(cluster, Data))
	if check.GetIntervalSeconds() != 1 || check.GetTimeoutSeconds() != 1.999 || check.GetGracePeriodSeconds() != 0 {
		t.Errorf("Mesos is told %+v", check)
	}
}

func TestPorts(t *testing.T) {
	want := map[Service][]uint64{
		Registry:   {21000, 21001},
		Metadata:   {21002, 21003},
		Data:       {21004, 21005},
		API:        {21006, 21007, 8889},
		Webconsole: {21008, 21009, 8888},
		S3:         {21010, 21011, 80},
		Client:     nil,
	}
	for _, s := range Services() {
		if got := SpecOf(smallest(), s).Ports(); !slices.Equal(got, want[s]) {
			t.Errorf("%s: got ports %v, want %v", s, got, want[s])
		}
	}
}
