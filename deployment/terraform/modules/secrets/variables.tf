variable "name" {
  description = "What the key is called."
  type        = string
}

variable "secrets" {
  description = "Name of each secret -> what it is for. Values are put in by operators."
  type        = map(string)
}

variable "replica_regions" {
  description = "Regions that get a copy of each secret, under AWS's own key there."
  type        = set(string)
}

variable "recovery_days" {
  description = "Days in which a deleted secret can be brought back; 0: none."
  type        = number
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
}
