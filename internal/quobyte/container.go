package quobyte

import mesos "github.com/mesos/mesos-go/api/v1/lib"

// devicesInContainer is where the vendor's images look for devices.
const devicesInContainer = "/devices"

// volumesInContainer is where the vendor's client shows the volumes.
const volumesInContainer = "/quobyte"

// container returns the Docker container of a service.
func container(spec Spec) *mesos.ContainerInfo {
	mount := deviceMount(spec.HostDeviceDirectory)
	if spec.Service == Client {
		mount = clientMount(spec.MountPoint)
	}
	return dockerContainer(spec.Image+":"+spec.Version, mount)
}

// dockerContainer shares the host's network and may do what the host's root may.
func dockerContainer(image string, mount mesos.Parameter) *mesos.ContainerInfo {
	return &mesos.ContainerInfo{
		Type: mesos.ContainerInfo_DOCKER.Enum(),
		Docker: &mesos.ContainerInfo_DockerInfo{
			Image:      image,
			Network:    mesos.ContainerInfo_DockerInfo_HOST.Enum(),
			Privileged: new(true),
			// A tag is not moved, and a registry that is away must not keep a
			// service from starting on a host that has the image.
			ForcePullImage: new(false),
			Parameters:     []mesos.Parameter{mount},
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

// clientMount mounts the client's mount point: with rshared, what the client mounts
// below it in its container appears on the host. The mount that holds the directory
// on the host has to be shared, as systemd makes it, or Docker refuses.
func clientMount(mountPoint string) mesos.Parameter {
	return mesos.Parameter{Key: "volume", Value: mountPoint + ":" + volumesInContainer + ":rw,rshared"}
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
