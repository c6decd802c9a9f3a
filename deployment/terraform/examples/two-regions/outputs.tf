output "america" {
  description = "All that a deployment in us-east-1 needs to know."
  value       = module.america
}

output "europe" {
  description = "All that a deployment in eu-west-1 needs to know."
  value       = module.europe
}
