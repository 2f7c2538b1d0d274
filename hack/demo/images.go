package main

import (
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"

	"github.com/quobyte/mesos-operator/mesosbridge/mesostest"
)

// Versions of the services' image, of which two are no good.
const (
	goodVersion     = "1.1.6"
	missingVersion  = "1.1.7" // is not in the registry of images
	crashingVersion = "1.1.8" // its data service ends soon after its start
	nextVersion     = "1.1.9"
)

// pingTimeout is how long a lost agent is waited for: a real master takes 75 seconds.
const pingTimeout = 3 * time.Second

// crashesAfter is well below the minReady of the sample: only one goes down.
const crashesAfter = 300 * time.Millisecond

// play is what a service does that only pretends to run. A real image takes longer to
// start; this much can be followed by eye.
func play(task mesos.TaskInfo) mesostest.Play {
	script := mesostest.Healthy
	switch version := imageVersion(&task); {
	case version == missingVersion:
		script = notFound
	case version == crashingVersion && task.Name == "data":
		script = mesostest.FailsAfter(crashesAfter, "Container exited with status 134")
	}
	return mesostest.Delayed(time.Second, script)(task)
}

// notFound fails as an image does that cannot be pulled.
func notFound(task mesos.TaskInfo) mesostest.Play {
	return mesostest.Play{Steps: []mesostest.Step{{
		State:   mesos.TASK_FAILED,
		Message: "Failed to launch container: Failed to pull image " + task.GetContainer().GetDocker().GetImage() + ": manifest unknown",
		Reason:  mesos.REASON_CONTAINER_LAUNCH_FAILED.Enum(),
		Source:  mesos.SOURCE_AGENT.Enum(),
	}}}
}

// imageVersion is the version that the task's label tells.
func imageVersion(task *mesos.TaskInfo) string {
	for _, label := range task.GetLabels().GetLabels() {
		if label.Key == "docker_image_version" {
			return label.GetValue()
		}
	}
	return ""
}
