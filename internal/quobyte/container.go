package quobyte

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// devicesInContainer is where the vendor's images look for devices.
const devicesInContainer = "/devices"

// container returns the Docker container of a service.
func container(spec Spec) *mesos.ContainerInfo {
	return &mesos.ContainerInfo{
		Type: mesos.ContainerInfo_DOCKER.Enum(),
		Docker: &mesos.ContainerInfo_DockerInfo{
			Image:      spec.Image + ":" + spec.Version,
			Network:    mesos.ContainerInfo_DockerInfo_HOST.Enum(),
			Privileged: new(true),
			// A tag is not moved, and a registry that is away must not keep a
			// service from starting on a host that has the image.
			ForcePullImage: new(false),
			Parameters:     []mesos.Parameter{deviceMount(spec.HostDeviceDirectory)},
		},
	}
}

// deviceMount mounts the host device directory. It is a parameter of Docker's
// command line since Mesos' own volumes know rw and ro alone: with rslave, a
// device that is mounted on the host later appears in the running container.
//
// Services that float get the mount as well, as they did from the earlier
// framework: the vendor's images have one entry point for all services.
func deviceMount(hostDirectory string) mesos.Parameter {
	return mesos.Parameter{Key: "volume", Value: hostDirectory + ":" + devicesInContainer + ":rw,rslave"}
}

// command runs the entry point of the image, /opt/main.sh: without a shell and
// without a value, Mesos gives Docker no command and no entry point.
func command(spec Spec, registry string) *mesos.CommandInfo {
	return &mesos.CommandInfo{
		Shell:       new(false),
		User:        &spec.User,
		Environment: environment(spec, registry),
	}
}
