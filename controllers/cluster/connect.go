package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// secretRetry is how often a missing or refused secret is read again: Secrets
// are not watched, so that the operator needs no right to list them.
const secretRetry = 10 * time.Second

// connect finds or starts the cluster's bridge. What stands in the way is no
// error of the pass but a problem that the status tells.
func (r *Reconciler) connect(ctx context.Context, seen *observation) error {
	cluster := seen.cluster
	have := r.Fleet.Find(seen.key)
	if have != nil && have.uid != cluster.UID {
		// Another object of the same name: nothing of the old one holds.
		r.Fleet.Remove(seen.key)
		have = nil
	}
	// Who names a framework has one that ran.
	seen.bootstrapped = cluster.Spec.Mesos.FrameworkID != ""
	unregistered := cluster.Status.FrameworkID == "" && (have == nil || have.bridge.Snapshot().FrameworkID == "")
	if unregistered || have == nil && !cluster.Status.Bootstrapped {
		id, bootstrapped, err := r.Fleet.identity(seen.key).Known(ctx)
		if err != nil {
			return err
		}
		seen.neverRan = id == ""
		seen.bootstrapped = seen.bootstrapped || bootstrapped
	}
	if strings.HasPrefix(cluster.Spec.Mesos.Master, "zk://") {
		// The framework goes on in Mesos, as whenever the operator is away.
		r.Fleet.Remove(seen.key)
		seen.problem = mesosbridge.Problem{Reason: v1alpha1.ReasonNotSupported,
			Message: "spec.mesos.master: finding the master through ZooKeeper is not supported yet; list the masters as http://host:5050,http://host:5050"}
		return nil
	}
	if cluster.Spec.Suspend && seen.neverRan {
		seen.problem = mesosbridge.Problem{Reason: v1alpha1.ReasonSuspended,
			Message: "spec.suspend is true, and the cluster was never registered with Mesos"}
		return nil
	}
	credential, problem, err := r.credential(ctx, cluster, have)
	if err != nil {
		return err
	}
	switch {
	case problem == (mesosbridge.Problem{}):
	case have == nil:
		seen.problem, seen.retry = problem, secretRetry
		return nil
	default:
		// A bridge that stands goes on with the credential that it has.
		seen.member, seen.retry = have, secretRetry
		if !have.bridge.Snapshot().Connected {
			seen.problem = problem
		}
		return nil
	}
	seen.member, err = r.Fleet.Ensure(ctx, cluster, Endpoint{
		Masters:    strings.Split(cluster.Spec.Mesos.Master, ","),
		Framework:  frameworkOf(cluster),
		Credential: credential,
	})
	if err != nil {
		return fmt.Errorf("start the bridge: %w", err)
	}
	// It is not asked for again.
	seen.member.bootstrapped = seen.member.bootstrapped || seen.bootstrapped
	if problem := seen.member.bridge.Snapshot().Problem; problem.Reason == "Unauthorized" {
		seen.retry = secretRetry
	}
	return nil
}

// credential reads the principal's secret: at the first connection, and again
// while the master refuses it.
func (r *Reconciler) credential(ctx context.Context, cluster *v1alpha1.QuobyteCluster, have *member) (*mesosbridge.Credential, mesosbridge.Problem, error) {
	ref := cluster.Spec.Mesos.SecretRef
	if ref == nil {
		return nil, mesosbridge.Problem{}, nil
	}
	if have != nil && have.endpoint.Credential != nil && have.bridge.Snapshot().Problem.Reason != "Unauthorized" &&
		have.secretRef == *ref && have.endpoint.Credential.Principal == cluster.Spec.Mesos.Principal {
		return have.endpoint.Credential, mesosbridge.Problem{}, nil
	}
	secret := &corev1.Secret{}
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: cluster.Namespace, Name: ref.Name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, mesosbridge.Problem{Reason: v1alpha1.ReasonSecretNotFound,
			Message: fmt.Sprintf("spec.mesos.secretRef: there is no Secret %q in namespace %q", ref.Name, cluster.Namespace)}, nil
	}
	if err != nil {
		return nil, mesosbridge.Problem{}, fmt.Errorf("read Secret %s of spec.mesos.secretRef: %w", ref.Name, err)
	}
	value, ok := secret.Data[ref.Key]
	if !ok || len(value) == 0 {
		return nil, mesosbridge.Problem{Reason: v1alpha1.ReasonSecretNotFound,
			Message: fmt.Sprintf("spec.mesos.secretRef: Secret %q has no key %q, or it is empty", ref.Name, ref.Key)}, nil
	}
	return &mesosbridge.Credential{
		Principal: cluster.Spec.Mesos.Principal,
		// Secrets made from files end in a newline more often than not.
		Secret: strings.TrimRight(string(value), "\r\n"),
	}, mesosbridge.Problem{}, nil
}

// frameworkOf is how the cluster presents itself to Mesos.
func frameworkOf(cluster *v1alpha1.QuobyteCluster) mesosbridge.Framework {
	mesos := cluster.Spec.Mesos
	roles := []string{mesos.Role}
	if public := cluster.Spec.Placement.PublicRole; public != "" && public != mesos.Role {
		roles = append(roles, public)
	}
	return mesosbridge.Framework{
		Name: mesos.FrameworkName, User: mesos.User, Roles: roles, Principal: mesos.Principal,
		FailoverTimeout: mesos.FailoverTimeout.Duration, WebUIURL: mesos.WebUIURL,
	}
}
