// The operator that runs the Quobyte storage system on Apache Mesos.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/controllers/cluster"
	"github.com/quobyte/mesos-operator/controllers/device"
	"github.com/quobyte/mesos-operator/internal/artifacts"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// The leader election outlives an API server that is away for half a minute:
// storage does not need a faster fail-over of its operator, and a process that
// ends and comes back has to learn from Mesos what runs.
const (
	leaseName            = "quobyte-mesos-operator"
	defaultLeaseDuration = 60 * time.Second
)

// version is set by the linker.
var version = "dev"

type options struct {
	leaderElect     bool
	namespaces      string
	leaseNamespace  string
	leaseDuration   time.Duration
	metricsAddress  string
	metricsInsecure bool
	probeAddress    string
	pprofAddress    string
	artifacts       string
	verbose         bool
}

// renewDeadline is how long a leader tries to renew its lease before it gives up.
func (o *options) renewDeadline() time.Duration { return o.leaseDuration * 5 / 6 }

func main() {
	if len(os.Args) > 1 && os.Args[1] == "prober" {
		os.Exit(runProber(os.Args[2:]))
	}
	var o options
	flag.BoolVar(&o.leaderElect, "leader-elect", true, "Act only while holding the leader election's lease. Turn it off only where a single process is sure.")
	flag.StringVar(&o.leaseNamespace, "lease-namespace", "", "Namespace of the leader election's lease. Empty: the operator's own, when it runs in the cluster.")
	flag.DurationVar(&o.leaseDuration, "lease-duration", defaultLeaseDuration, "How long a leader that is not heard of stays the leader. The API server may be away for five sixths of it.")
	flag.StringVar(&o.namespaces, "namespaces", "", "Namespaces to look after, separated by commas. Empty: all.")
	flag.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "Address of the metrics, served over TLS to who may read them. 0 serves none.")
	flag.BoolVar(&o.metricsInsecure, "metrics-insecure", false, "Serve the metrics over plain HTTP and to everybody.")
	flag.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "Address of /healthz and /readyz. 0 serves none.")
	flag.StringVar(&o.pprofAddress, "pprof-bind-address", "0", "Address of Go's profiles, served over plain HTTP and to everybody: for 127.0.0.1 alone. 0 serves none.")
	flag.StringVar(&o.artifacts, "artifacts-bind-address", ":8082", "Address from which Mesos' agents fetch the prober, over plain HTTP; spec.mesos.webUIURL says how they reach it. 0 serves none.")
	flag.BoolVar(&o.verbose, "verbose", false, "Log every call to Mesos.")
	showVersion := flag.Bool("version", false, "Print the version and exit.")
	// --kubeconfig is registered by controller-runtime.
	flag.Parse()
	if *showVersion {
		fmt.Println(version)
		return
	}
	log, flush := newLogger(o.verbose)
	ctrl.SetLogger(log)
	err := run(o, log)
	if err != nil {
		log.Error(err, "the operator ends")
	}
	flush()
	if err != nil {
		os.Exit(1)
	}
}

func newLogger(verbose bool) (logr.Logger, func()) {
	config := zap.NewProductionConfig()
	config.EncoderConfig.TimeKey = "time"
	config.EncoderConfig.EncodeTime = func(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
		enc.AppendString(t.UTC().Format(time.RFC3339Nano))
	}
	config.DisableStacktrace = true
	config.Sampling = nil
	if verbose {
		config.Level = zap.NewAtomicLevelAt(zap.DebugLevel)
	}
	z, err := config.Build()
	if err != nil {
		// The configuration above is constant: this is a mistake in it.
		panic(err)
	}
	return zapr.NewLogger(z), func() { _ = z.Sync() }
}

func run(o options, log logr.Logger) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the Kubernetes API server: %w", err)
	}
	// Thousands of devices are written at the start; the API server's own
	// priority and fairness is the better brake.
	config.QPS, config.Burst = -1, -1
	mgr, lease, err := newManager(o, config)
	if err != nil {
		return err
	}
	artifactPath, err := addArtifacts(mgr, o, log)
	if err != nil {
		return err
	}
	if err := addControllers(mgr, lease, artifactPath, log); err != nil {
		return err
	}
	log.Info("the operator starts", "version", version)
	return mgr.Start(ctrl.SetupSignalHandler())
}

func newManager(o options, config *rest.Config) (ctrl.Manager, *cluster.Lease, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	server := metricsserver.Options{BindAddress: o.metricsAddress}
	if !o.metricsInsecure {
		server.SecureServing = true
		server.FilterProvider = filters.WithAuthenticationAndAuthorization
		server.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS12 }}
	}
	lease, lock, err := newLease(o, config)
	if err != nil {
		return nil, nil, err
	}
	// Nobody here asks who wrote which field; it is a third of each object.
	watched := cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
	for _, namespace := range strings.FieldsFunc(o.namespaces, func(r rune) bool { return r == ',' }) {
		if watched.DefaultNamespaces == nil {
			watched.DefaultNamespaces = map[string]cache.Config{}
		}
		watched.DefaultNamespaces[namespace] = cache.Config{}
	}
	lasts, renews, retries := o.leaseDuration, o.renewDeadline(), o.leaseDuration/12
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Cache: watched, Metrics: server, HealthProbeBindAddress: o.probeAddress,
		PprofBindAddress: o.pprofAddress,
		LeaderElection:   o.leaderElect, LeaderElectionResourceLockInterface: lock,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lasts, RenewDeadline: &renews, RetryPeriod: &retries,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("set up the manager: %w", err)
	}
	if lease != nil {
		lease.Reader = mgr.GetAPIReader()
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, nil, err
	}
	return mgr, lease, mgr.AddReadyzCheck("ping", healthz.Ping)
}

// newLease makes the lock by hand: the fleet has to know the identity in it.
func newLease(o options, config *rest.Config) (*cluster.Lease, resourcelock.Interface, error) {
	if !o.leaderElect {
		return nil, nil, nil
	}
	namespace := o.leaseNamespace
	if namespace == "" {
		own, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
		if err != nil {
			return nil, nil, fmt.Errorf("--lease-namespace is needed outside a Kubernetes cluster: %w", err)
		}
		namespace = string(own)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, nil, fmt.Errorf("find the own host name: %w", err)
	}
	holder := host + "_" + uuid.NewString()
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: holder}, config, o.renewDeadline())
	if err != nil {
		return nil, nil, fmt.Errorf("set up the leader election: %w", err)
	}
	return &cluster.Lease{
		Key:    types.NamespacedName{Namespace: namespace, Name: leaseName},
		Holder: holder, Clock: clock.RealClock{},
	}, lock, nil
}

// addArtifacts serves this very program: it is the prober, too.
func addArtifacts(mgr ctrl.Manager, o options, log logr.Logger) (path string, err error) {
	if o.artifacts == "0" {
		return "", nil
	}
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the own program: %w", err)
	}
	artifact, err := artifacts.Open(own)
	if err != nil {
		return "", err
	}
	return artifact.Path(), mgr.Add(&artifacts.Server{Address: o.artifacts, Artifact: artifact, Log: log.WithName("artifacts")})
}

// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

func addControllers(mgr ctrl.Manager, lease *cluster.Lease, artifactPath string, log logr.Logger) error {
	views := device.NewViews(clock.RealClock{})
	fleet := cluster.NewFleet(cluster.FleetConfig{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Lease: lease,
		Clock: clock.RealClock{}, Rand: rand.Float64, Log: log.WithName("mesos"),
		Metrics: mesosbridge.NewMetrics(metrics.Registry),
	})
	if err := mgr.Add(fleet); err != nil {
		return fmt.Errorf("add the fleet of bridges: %w", err)
	}
	clusters := &cluster.Reconciler{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Fleet: fleet, Views: views,
		Events: mgr.GetEventRecorder("quobyte-operator"), Clock: clock.RealClock{},
		Nonces:       func() string { return uuid.NewString()[:8] },
		Metrics:      cluster.NewMetrics(metrics.Registry, fleet),
		Log:          log.WithName("cluster"),
		ArtifactPath: artifactPath,
	}
	if err := clusters.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the cluster controller: %w", err)
	}
	devices := &device.Reconciler{Client: mgr.GetClient(), Views: views, Events: mgr.GetEventRecorder("quobyte-operator"), Clock: clock.RealClock{}}
	if err := devices.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the device controller: %w", err)
	}
	return nil
}
