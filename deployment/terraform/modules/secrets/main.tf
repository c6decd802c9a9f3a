# Places for secrets, without values: what Terraform writes stays readable in its state. Operators put the values in.

resource "aws_kms_key" "this" {
  #checkov:skip=CKV2_AWS_64:AWS's own default policy is meant: the account's IAM decides

  description             = "${var.name}: secrets"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-secrets"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:the values are given by others (providers, the gateway's own keys): nothing here can make a new one

  for_each                = var.secrets
  name                    = each.key
  description             = each.value
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags

  dynamic "replica" {
    for_each = var.replica_regions

    content {
      region = replica.value
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.this : secret.arn]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
  }
}
