// Package quobyte says what a Quobyte service is on Mesos: its ports, its
// environment, its resources, its container, its task ids and the hash of its
// spec. It decides nothing.
package quobyte
