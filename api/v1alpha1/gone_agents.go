package v1alpha1

import "strings"

// GoneAgents are the ids of the agents that a person has declared gone for good,
// by AnnotationGoneAgents; nil when there are none.
func (c *QuobyteCluster) GoneAgents() []string {
	return AgentIDs(c.Annotations[AnnotationGoneAgents])
}

// AgentIDs reads a list of them; nil when it is empty.
func AgentIDs(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
