package v1alpha1_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestSmallestClusterGetsAllDefaults(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	api.Apply(t, namespace, smallestCluster)
	compareWithGolden(t, "smallest-cluster.yaml", specOf(t, namespace, "QuobyteCluster", "quobyte"))
}

func TestSmallestDeviceIsAccepted(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	api.Apply(t, namespace, smallestDevice)
	compareWithGolden(t, "smallest-device.yaml", specOf(t, namespace, "QuobyteDevice", "node1-disk1"))
}

// TestOneNestedFieldKeepsAllOtherDefaults sets one field at a time and expects
// the golden defaults but for this field.
func TestOneNestedFieldKeepsAllOtherDefaults(t *testing.T) {
	api := server.API(t)
	namespace := api.Namespace(t)
	var defaults map[string]any
	golden, err := os.ReadFile(filepath.Join("testdata", "smallest-cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(golden, &defaults); err != nil {
		t.Fatal(err)
	}

	changes := []string{
		`{suspend: true}`,
		`{mesos: {role: storage}}`,
		`{mesos: {failoverTimeout: 1h}}`,
		`{placement: {publicRole: public}}`,
		`{placement: {hosts: [node1]}}`,
		`{registry: {mesosDNSDomain: cluster.mesos}}`,
		`{registry: {discovery: Inventory}}`,
		`{ports: {base: 31000}}`,
		`{ports: {s3: 8080}}`,
		`{services: {metadata: {resources: {memory: 16Gi}}}}`,
		`{services: {api: {instances: 0}}}`,
		`{services: {s3: {hostname: s3.example.com}}}`,
		`{services: {}}`,
		`{devices: {}}`,
		`{devices: {policy: Declared}}`,
		`{devices: {restartOnNewDevice: false}}`,
		`{prober: {}}`,
		`{prober: {image: "quobyte-operator:v1"}}`,
		`{prober: {interval: 30s}}`,
		`{prober: {user: quobyte}}`,
		`{prober: {resources: {}}}`,
		`{prober: {resources: {memory: 128Mi}}}`,
		`{mesos: {reservation: Dynamic, role: storage, principal: quobyte}}`,
		`{placement: {spreadBy: rack}}`,
		`{placement: {attributes: [{attribute: rack, operator: Exists}]}}`,
		`{services: {client: {}}}`,
		`{services: {client: {mountPoint: /volumes}}}`,
		`{services: {client: {resources: {cpus: 500m}}}}`,
		`{services: {client: {env: [{name: A, value: b}]}}}`,
		`{services: {client: {enabled: true, image: quobyte-client}}, prober: {image: "quobyte-operator:v1"}}`,
		`{update: {}}`,
		`{update: {maxUnavailable: 3}}`,
		`{update: {maxUnavailable: 10%}}`,
		`{update: {minReady: 0s}}`,
		`{update: {order: [data]}}`,
		`{update: {domainBy: rack}}`,
		`{update: {timeout: 30m}}`,
		`{update: {onFailure: Rollback}}`,
		`{update: {paused: true}}`,
		`{health: {}}`,
		`{health: {enabled: false}}`,
		`{health: {except: [s3]}}`,
		`{health: {path: /status}}`,
		`{health: {interval: 1m}}`,
		`{health: {timeout: 1s}}`,
		`{health: {gracePeriod: 0s}}`,
		`{health: {restartAfter: 0s}}`,
		`{maintenance: {}}`,
		`{maintenance: {leadTime: 0s}}`,
		`{placement: {cordonedHosts: [node1]}}`,
		`{placement: {unreachableTimeout: 1h}}`,
	}
	for _, service := range serviceNames() {
		changes = append(changes,
			`{services: {`+service+`: {}}}`,
			`{services: {`+service+`: {resources: {cpus: "3"}}}}`,
			`{services: {`+service+`: {resources: {cpus: 3}}}}`,
			`{services: {`+service+`: {resources: {memory: 20Gi}}}}`,
			`{services: {`+service+`: {resources: {disk: "0"}}}}`,
			`{services: {`+service+`: {memoryReserve: "0"}}}`,
			`{services: {`+service+`: {env: [{name: A, value: b}]}}}`,
			`{services: {`+service+`: {extraConfig: "a=b"}}}`)
	}
	for _, change := range changes {
		t.Run(change, func(t *testing.T) {
			object := manifest(t, namespace, smallestCluster, `spec: `+change)
			if err := api.Client().Create(t.Context(), object, client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			want := (&unstructured.Unstructured{Object: defaults}).DeepCopy().Object
			merge(want, fromYAML(t, change))
			if diff := cmp.Diff(toYAML(t, want), toYAML(t, object.Object["spec"])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOperatorKeepsWhatAPersonSet writes an object back through the Go types:
// zeros that differ from the default must survive. A patch, which is how the
// operator writes, does not even change the spelling of durations and
// quantities, and so neither the generation nor what GitOps compares.
func TestOperatorKeepsWhatAPersonSet(t *testing.T) {
	api := server.API(t)
	c := api.Client()
	namespace := api.Namespace(t)
	cluster := create(t, manifest(t, namespace, smallestCluster, `
spec:
  mesos: {failoverTimeout: 90m}
  placement: {hosts: [], attributes: []}
  devices: {restartOnNewDevice: false}
  prober: {interval: 90s, resources: {disk: 0}}
  update: {maxUnavailable: 100%, minReady: 0s, order: [client], timeout: 90s, onFailure: Rollback}
  health: {enabled: false, except: [], gracePeriod: 0s, restartAfter: 0h}
  maintenance: {leadTime: 0s}
  services:
    registry: {memoryReserve: 0, resources: {disk: 0, memory: 2048Mi}}
    api: {instances: 0, resources: {cpus: 2}}
    webconsole: {instances: 0}
    s3: {instances: 0, memoryReserve: "0", env: [{name: A}]}
`))
	spec, text := cluster.Spec.DeepCopy(), specOf(t, namespace, "QuobyteCluster", "quobyte")

	original := cluster.DeepCopy()
	cluster.Finalizers = append(cluster.Finalizers, v1alpha1.FinalizerCluster)
	if err := c.Patch(t.Context(), cluster, client.MergeFrom(original)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, specOf(t, namespace, "QuobyteCluster", "quobyte")); diff != "" || cluster.Generation != 1 {
		t.Errorf("a patch of the metadata made generation %d (-before +after):\n%s", cluster.Generation, diff)
	}

	cluster.Finalizers = nil
	if err := c.Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec, &cluster.Spec, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("an update changed the spec (-before +after):\n%s", diff)
	}
	services := cluster.Spec.Services
	if services.API.Instances != 0 || services.S3.Instances != 0 || !services.Registry.MemoryReserve.IsZero() || !services.S3.MemoryReserve.IsZero() || !services.Registry.Resources.Disk.IsZero() {
		t.Errorf("a zero was lost:\n%s", toYAML(t, services))
	}
	if cluster.Spec.Devices.RestartOnNewDevice || !cluster.Spec.Prober.Resources.Disk.IsZero() {
		t.Errorf("a zero was lost:\n%s", toYAML(t, cluster.Spec))
	}
	if health := cluster.Spec.Health; health.Enabled || health.GracePeriod.Duration != 0 || health.RestartAfter.Duration != 0 {
		t.Errorf("a zero was lost:\n%s", toYAML(t, health))
	}
	if cluster.Spec.Update.MinReady.Duration != 0 || cluster.Spec.Maintenance.LeadTime.Duration != 0 {
		t.Errorf("a zero was lost:\n%s", toYAML(t, cluster.Spec))
	}
	if got := cluster.Spec.Update.MaxUnavailable.String(); got != "100%" {
		t.Errorf("update.maxUnavailable is %s", got)
	}
	if got := cluster.Spec.Prober.Interval.Duration; got != 90*time.Second {
		t.Errorf("prober.interval is %v", got)
	}
	if got := cluster.Spec.Mesos.FailoverTimeout.Duration; got != 90*time.Minute {
		t.Errorf("failoverTimeout is %v", got)
	}
}

// TestOperatorKeepsWhatADeviceSays is the same for devices: what is not there must
// not be there afterwards either, least of all an empty host or serial.
func TestOperatorKeepsWhatADeviceSays(t *testing.T) {
	api := server.API(t)
	c := api.Client()
	for _, change := range []string{
		`spec: {}`,
		`spec: {types: []}`,
		`spec: {types: [REGISTRY, DATA], initialize: true, bootstrap: true}`,
		`spec: {host: null, path: null, serial: 5f1c5e0e, state: Decommissioned}`,
		`spec: {types: [DATA], initialize: true, reclaimPolicy: Delete, source: {mesosDisk: {root: /mnt/disk1}}}`,
	} {
		t.Run(change, func(t *testing.T) {
			namespace := api.Namespace(t)
			object := manifest(t, namespace, smallestDevice, change)
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			device := &v1alpha1.QuobyteDevice{}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), device); err != nil {
				t.Fatal(err)
			}
			before := device.Spec.DeepCopy()
			device.Finalizers = append(device.Finalizers, "mesos.quobyte.com/test")
			if err := c.Update(t.Context(), device); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, &device.Spec, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("an update changed the spec (-before +after):\n%s", diff)
			}
			device.Finalizers = nil
			if err := c.Update(t.Context(), device); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestWhatIsAcceptedCanBeRead: one object that the Go types cannot hold would
// blind the operator to all.
func TestWhatIsAcceptedCanBeRead(t *testing.T) {
	api := server.API(t)
	for _, change := range []string{
		`spec: {mesos: {failoverTimeout: 1h30m}}`,
		`spec: {mesos: {failoverTimeout: 1.5h}}`,
		`spec: {mesos: {failoverTimeout: 168h0m0s}}`,
		`spec: {mesos: {failoverTimeout: 999999h999999m999999.999999999s}}`,
		`spec: {mesos: {master: "http://10.0.0.1:5050,https://mesos-2.corp:5050/"}}`,
		`spec: {mesos: {master: "http://[2001:db8::1]:5050"}}`,
		`spec: {mesos: {master: "zk://me:secret@10.0.0.1:2181,10.0.0.2:2181/mesos"}}`,
		`spec: {mesos: {role: "storage/quobyte", principal: quobyte, secretRef: {name: mesos}}}`,
		`spec: {image: quobyte-server}`,
		`spec: {image: docker-registry.corp/storage/quobyte-server}`,
		`spec: {registry: {discovery: Endpoints, endpoints: ["node1:21000", "10.0.0.2:21000"]}}`,
		`spec: {registry: {discovery: Endpoints, endpoints: [_registry._tcp.quobyte]}}`,
		`spec: {ports: {base: 1, api: 13, webconsole: 14, s3: 15}}`,
		`spec: {services: {data: {resources: {cpus: 1m, memory: 1e9, disk: 0.5Gi}}}}`,
		`spec: {services: {data: {resources: {cpus: 10k, memory: 1Pi, disk: 1000000000000000m}}}}`,
		`spec: {services: {data: {resources: {memory: 5368709120}}}}`,
		`spec: {services: {data: {env: [{name: QUOBYTE_ENABLE_ASSERTIONS, value: "1"}]}}}`,
		`spec: {prober: {interval: 5s}}`,
		`spec: {prober: {interval: 0h60m}}`,
		`spec: {prober: {image: "registry.example:5000/storage/quobyte-operator:v1.2"}}`,
		`spec: {prober: {image: "quobyte-operator@sha256:<64 0>"}}`,
		`spec: {prober: {image: "registry.example/quobyte-operator:v1@sha256:<64 0>"}}`,
		`spec: {prober: {artifactURL: "hdfs://namenode:8020/quobyte-operator"}}`,
		`spec: {prober: {resources: {cpus: 20m, memory: 64Mi, disk: 0}}}`,
		`spec: {mesos: {reservation: Dynamic, role: storage, principal: quobyte}}`,
		`spec: {placement: {spreadBy: zone, attributes: [{attribute: rack, operator: In, values: [r1, r2]}, {attribute: os.version, operator: NotIn, values: ["7:1"]}, {attribute: ssd, operator: DoesNotExist}]}}`,
		`spec: {services: {client: {mountPoint: /mnt}}}`,
		`spec: {prober: {image: "quobyte-operator:v1"}, services: {client: {enabled: true, image: quobyte-client, mountPoint: /mnt2}}}`,
		`spec: {mesos: {webUIURL: "http://operator.corp:8080"}, hostDeviceDirectory: /quobyte-devices, services: {client: {enabled: true, image: "registry.example:5000/quobyte-client"}}}`,
		`spec: {update: {maxUnavailable: 1}}`,
		`spec: {update: {maxUnavailable: 10}}`,
		`spec: {update: {maxUnavailable: 10000}}`,
		`spec: {update: {maxUnavailable: "1%"}}`,
		`spec: {update: {maxUnavailable: "10%"}}`,
		`spec: {update: {maxUnavailable: "99%"}}`,
		`spec: {update: {maxUnavailable: "100%"}}`,
		`spec: {update: {minReady: 1h, timeout: 24h}}`,
		`spec: {update: {minReady: 0.5s, timeout: 1s}}`,
		`spec: {update: {order: []}}`,
		`spec: {update: {order: [client, webconsole, api, s3, data, metadata, registry], domainBy: zone}}`,
		`spec: {health: {except: [registry, metadata, data, s3, api, webconsole, client]}}`,
		`spec: {health: {path: "/status?full=1&x=<y>#z"}}`,
		`spec: {health: {interval: 1.0000001s, timeout: 60m, gracePeriod: 24h, restartAfter: 24h0m0s}}`,
		`spec: {health: {path: "/<1023 a>", interval: 1h, timeout: 1s, gracePeriod: 0.0000001s}}`,
		`spec: {maintenance: {leadTime: 24h}}`,
		`spec: {placement: {cordonedHosts: [<10000 node#.corp,>], unreachableTimeout: 24h}}`,
		`spec: {placement: {hosts: [node1], cordonedHosts: [node1, "fd00::1"], unreachableTimeout: 1s}}`,
	} {
		t.Run(change, func(t *testing.T) {
			create(t, manifest(t, api.Namespace(t), smallestCluster, spelledOut(t, change)))
		})
	}
}

// TestDevicesAreAccepted: the ways to name one.
func TestDevicesAreAccepted(t *testing.T) {
	api := server.API(t)
	for _, change := range []string{
		`metadata: {name: "<253 a>"}`,
		`spec: {host: "2001:db8::1", path: "/mnt/a disk:1"}`,
		`spec: {serial: 5f1c5e0e-3d1c-4ad0-8a54-1f8a4d3a9f10}`,
		`spec: {host: null, path: null, serial: S3X_1.2-3, types: [REGISTRY, METADATA, DATA]}`,
		`spec: {types: [REGISTRY], initialize: true, bootstrap: true}`,
		`spec: {types: [DATA], initialize: true, state: Decommissioned}`,
		`spec: {source: {mesosDisk: {root: /mnt/disk1}}}`,
		`spec: {serial: 5f1c5e0e, source: {mesosDisk: {root: /mnt/disk1}}, reclaimPolicy: Delete}`,
	} {
		t.Run(change, func(t *testing.T) {
			if err := api.Client().Create(t.Context(), manifest(t, api.Namespace(t), smallestDevice, spelledOut(t, change))); err != nil {
				t.Error(err)
			}
		})
	}
}

func specOf(t *testing.T, namespace, kind, name string) string {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	if err := server.API(t).Client().Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return toYAML(t, object.Object["spec"])
}

func toYAML(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compareWithGolden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
