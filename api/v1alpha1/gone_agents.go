package v1alpha1

import "strings"

// GoneAgents are the ids of the agents that a person has declared gone for good,
// by AnnotationGoneAgents; nil when there are none.
func (c *QuobyteCluster) GoneAgents() []string {
	return strings.FieldsFunc(c.Annotations[AnnotationGoneAgents],
		func(r rune) bool { return r == ',' || r == ' ' })
}
