package main

import (
	"context"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quobyte/mesos-operator/api/v1alpha1"
	"github.com/quobyte/mesos-operator/internal/testapi/controlplane"
)

// operatorUser is whom the API server knows the operator as; what this user
// writes is counted.
const operatorUser = "quobyte-operator"

func (b *bench) startKubernetes(ctx context.Context) error {
	var err error
	if b.audit, err = newAudit(b.dir); err != nil {
		return err
	}
	b.api, err = controlplane.Start(ctx, controlplane.Options{
		Dir:            filepath.Join(b.dir, "kubernetes"),
		CRDs:           []string{filepath.Join(b.root, "config", "crd", "bases")},
		APIServerFlags: b.audit.flags(),
	})
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	if b.client, err = client.NewWithWatch(b.api.Config(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	for _, name := range []string{plainNamespace, operatorNamespace} {
		if err := b.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	return b.warmUp(ctx)
}

// warmUp writes an object of each kind: the first ones wait for the API server
// to take up a new kind, which is nobody's speed.
func (b *bench) warmUp(ctx context.Context) error {
	const namespace = "default"
	device := b.newDevice(namespace, 0)
	for _, object := range []client.Object{newCluster(namespace, "http://nobody:5050"), device} {
		if err := b.client.Create(ctx, object); err != nil {
			return err
		}
	}
	device.Status = b.fullStatus(device)
	return b.client.Status().Update(ctx, device)
}

// operatorKubeconfig writes the operator's access to a file.
func (b *bench) operatorKubeconfig() (string, error) {
	access, err := b.api.User(operatorUser, "system:masters")
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig(access), path); err != nil {
		return "", fmt.Errorf("write the operator's kubeconfig: %w", err)
	}
	return path, nil
}

func kubeconfig(access *rest.Config) *clientcmdapi.Config {
	const name = "bench"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: access.Host, CertificateAuthorityData: access.CAData}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: access.CertData, ClientKeyData: access.KeyData}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return config
}
