package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/mesosbridge"
)

// orphansKey is the key in the ConfigMap <cluster>-orphans: tasks that ran when the
// cluster was deleted with policy Orphan, and that no device's status lists. Who takes
// the framework over has to know them: of a task on an agent that is away Mesos tells
// nobody who does not ask for it by its id.
const orphansKey = "tasks"

// orphan is such a task.
type orphan struct {
	TaskID  string `json:"taskID"`
	AgentID string `json:"agentID,omitempty"`
}

func (i *identity) orphansMap() types.NamespacedName {
	return types.NamespacedName{Namespace: i.key.Namespace, Name: i.key.Name + "-orphans"}
}

// leaveOrphans writes down the tasks that only the status of the cluster lists, before
// it goes.
func (i *identity) leaveOrphans(ctx context.Context, tasks []v1alpha1.TaskStatus) error {
	if err := i.dropOrphans(ctx); err != nil {
		return err
	}
	if len(tasks) == 0 {
		return nil
	}
	list := make([]orphan, 0, len(tasks))
	for _, t := range tasks {
		list = append(list, orphan{TaskID: t.TaskID, AgentID: t.AgentID})
	}
	data, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("write down the tasks that go on: %w", err)
	}
	err = i.client.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: i.key.Namespace, Name: i.orphansMap().Name, Labels: map[string]string{labelCluster: i.key.Name},
		},
		Data: map[string]string{orphansKey: string(data)},
	})
	if err != nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return fmt.Errorf("create ConfigMap %s: %w", i.orphansMap().Name, err)
	}
	return nil
}

// orphans are the tasks that leaveOrphans wrote down; nil: there are none.
func (i *identity) orphans(ctx context.Context) ([]mesosbridge.RememberedTask, error) {
	kept := &corev1.ConfigMap{}
	if err := i.reader.Get(ctx, i.orphansMap(), kept); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read ConfigMap %s: %w", i.orphansMap().Name, err)
	}
	var list []orphan
	if err := json.Unmarshal([]byte(kept.Data[orphansKey]), &list); err != nil {
		return nil, fmt.Errorf("read ConfigMap %s: %s: %w", i.orphansMap().Name, orphansKey, err)
	}
	tasks := make([]mesosbridge.RememberedTask, 0, len(list))
	for _, o := range list {
		tasks = append(tasks, mesosbridge.RememberedTask{TaskID: o.TaskID, AgentID: o.AgentID})
	}
	return tasks, nil
}

// dropOrphans forgets them.
func (i *identity) dropOrphans(ctx context.Context) error {
	err := i.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: i.key.Namespace, Name: i.orphansMap().Name}})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete ConfigMap %s: %w", i.orphansMap().Name, err)
	}
	return nil
}

// forgetOrphans drops them when all of them have ended.
func (o *observation) forgetOrphans(ctx context.Context) error {
	if o.member == nil || len(o.member.orphans) == 0 || !o.snapshot.Reconciled {
		return nil
	}
	for _, t := range o.member.orphans {
		if o.snapshot.Tasks[t.TaskID] != nil {
			return nil
		}
	}
	if err := o.member.identity.dropOrphans(ctx); err != nil {
		return err
	}
	o.member.orphans = nil
	return nil
}
