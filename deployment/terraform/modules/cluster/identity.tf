# What pods may do in AWS: by pod identity, or by IRSA where that is wanted. The gateway takes both without any setting.

locals {
  irsa   = var.workload_identity == "irsa"
  issuer = replace(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://", "")
}

data "aws_iam_policy_document" "pod_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count          = local.irsa ? 1 : 0
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

data "aws_iam_policy_document" "irsa_trust" {
  count = local.irsa ? 1 : 0

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.this[0].arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["system:serviceaccount:${var.namespace}:${var.service_account}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gateway" {
  name_prefix        = "${var.name}-pod-"
  assume_role_policy = local.irsa ? data.aws_iam_policy_document.irsa_trust[0].json : data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_eks_pod_identity_association" "gateway" {
  count           = local.irsa ? 0 : 1
  cluster_name    = aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.gateway.arn
  tags            = var.tags
}

resource "aws_iam_role_policy" "secrets" {
  name_prefix = "secrets-"
  role        = aws_iam_role.gateway.id
  policy      = var.secrets_policy_json
}

# The External Secrets Operator reads the same secrets, under its own account.
resource "aws_iam_role" "reader" {
  count              = length(var.secret_readers) > 0 ? 1 : 0
  name_prefix        = "${var.name}-reader-"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "reader" {
  count       = length(var.secret_readers) > 0 ? 1 : 0
  name_prefix = "secrets-"
  role        = aws_iam_role.reader[0].id
  policy      = var.secrets_policy_json
}

resource "aws_eks_pod_identity_association" "reader" {
  for_each        = var.secret_readers
  cluster_name    = aws_eks_cluster.this.name
  namespace       = split("/", each.value)[0]
  service_account = split("/", each.value)[1]
  role_arn        = aws_iam_role.reader[0].arn
  tags            = var.tags
}

data "aws_iam_policy_document" "backups" {
  statement {
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${var.backups_bucket_arn}/*"]
  }

  statement {
    actions   = ["s3:ListBucket"]
    resources = [var.backups_bucket_arn]
  }

  statement {
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [var.backups_key_arn]
  }
}

# Not the gateway's: deployment/scripts/backup.sh has a service account of its own, so that the gateway can read no backup.
resource "aws_iam_role" "backup" {
  name_prefix        = "${var.name}-backup-"
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "backup" {
  name_prefix = "backups-"
  role        = aws_iam_role.backup.id
  policy      = data.aws_iam_policy_document.backups.json
}

resource "aws_eks_pod_identity_association" "backup" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = var.backup_service_account
  role_arn        = aws_iam_role.backup.arn
  tags            = var.tags
}

data "aws_iam_policy_document" "bedrock" {
  count = length(var.bedrock_model_arns) > 0 ? 1 : 0

  statement {
    actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    resources = var.bedrock_model_arns
  }
}

resource "aws_iam_role_policy" "bedrock" {
  count       = length(var.bedrock_model_arns) > 0 ? 1 : 0
  name_prefix = "bedrock-"
  role        = aws_iam_role.gateway.id
  policy      = data.aws_iam_policy_document.bedrock[0].json
}
