"""Torchvision's other networks that models are built upon, as text for the reader (see `torchvision_text`)."""

from __future__ import annotations

TEXT = """

class VGG(nn.Module):
    def __init__(self, features, num_classes=1000, init_weights=True, dropout=0.5):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        hidden = [nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(dropout)]
        hidden += [nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(dropout)]
        self.classifier = nn.Sequential(*hidden, nn.Linear(4096, num_classes))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def vgg(counts, norm, weights=None, progress=True, pretrained=False, **kwargs):
    layers, width = [], 3
    for stage, count in enumerate(counts):
        for _ in range(count):
            layers.append(nn.Conv2d(width, min(64 * 2**stage, 512), 3, padding=1))
            width = min(64 * 2**stage, 512)
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(2, 2))
    return VGG(nn.Sequential(*layers), **kwargs)


vgg11, vgg11_bn = partial(vgg, (1, 1, 2, 2, 2), False), partial(vgg, (1, 1, 2, 2, 2), True)
vgg13, vgg13_bn = partial(vgg, (2, 2, 2, 2, 2), False), partial(vgg, (2, 2, 2, 2, 2), True)
vgg16, vgg16_bn = partial(vgg, (2, 2, 3, 3, 3), False), partial(vgg, (2, 2, 3, 3, 3), True)
vgg19, vgg19_bn = partial(vgg, (2, 2, 4, 4, 4), False), partial(vgg, (2, 2, 4, 4, 4), True)


class AlexNet(nn.Module):
    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(True), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(True),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(3, 2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(True),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(True), nn.Linear(4096, num_classes),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def alexnet(pretrained=False, progress=True, weights=None, **kwargs):
    return AlexNet(**kwargs)


class DenseLayer(nn.Module):
    def __init__(self, width, growth, bn_size=4):
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(width, bn_size * growth, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(bn_size * growth), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth, growth, 3, padding=1, bias=False)

    def forward(self, inputs):
        return self.conv2(self.relu2(self.norm2(self.conv1(self.relu1(self.norm1(torch.cat(inputs, 1)))))))


class DenseBlock(nn.ModuleDict):
    def __init__(self, count, width, growth):
        super().__init__()
        for i in range(count):
            self.add_module("denselayer%d" % (i + 1), DenseLayer(width + i * growth, growth))

    def forward(self, x):
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, 1)


class DenseNet(nn.Module):
    def __init__(self, growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64, num_classes=1000):
        super().__init__()
        width = num_init_features
        stem = [("conv0", nn.Conv2d(3, width, 7, 2, 3, bias=False)), ("norm0", nn.BatchNorm2d(width))]
        stem += [("relu0", nn.ReLU(inplace=True)), ("pool0", nn.MaxPool2d(3, 2, 1))]
        self.features = nn.Sequential(OrderedDict(stem))
        for i, count in enumerate(block_config):
            self.features.add_module("denseblock%d" % (i + 1), DenseBlock(count, width, growth_rate))
            width += count * growth_rate
            if i + 1 < len(block_config):
                steps = [("norm", nn.BatchNorm2d(width)), ("relu", nn.ReLU(inplace=True))]
                steps += [("conv", nn.Conv2d(width, width // 2, 1, bias=False)), ("pool", nn.AvgPool2d(2, 2))]
                self.features.add_module("transition%d" % (i + 1), nn.Sequential(OrderedDict(steps)))
                width //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, x):
        x = nn.functional.relu(self.features(x), inplace=True)
        return self.classifier(torch.flatten(nn.functional.adaptive_avg_pool2d(x, (1, 1)), 1))


def densenet(growth, counts, stem, pretrained=False, progress=True, weights=None, **kwargs):
    return DenseNet(growth, counts, stem, **kwargs)


densenet121 = partial(densenet, 32, (6, 12, 24, 16), 64)
densenet169 = partial(densenet, 32, (6, 12, 32, 32), 64)
densenet201 = partial(densenet, 32, (6, 12, 48, 32), 64)
densenet161 = partial(densenet, 48, (6, 12, 36, 24), 96)


class Conv2dNormActivation(nn.Sequential):
    def __init__(self, inp, out, kernel_size=3, stride=1, padding=None, groups=1, norm_layer=nn.BatchNorm2d,
                 activation_layer=nn.ReLU, dilation=1, inplace=True, bias=None):
        padding = (kernel_size - 1) // 2 * dilation if padding is None else padding
        bias = norm_layer is None if bias is None else bias
        layers = [nn.Conv2d(inp, out, kernel_size, stride, padding, dilation, groups, bias)]
        layers += [norm_layer(out)] if norm_layer is not None else []
        if activation_layer is not None:
            layers.append(activation_layer() if inplace is None else activation_layer(inplace=inplace))
        super().__init__(*layers)
        self.out_channels = out


class InvertedResidual(nn.Module):
    def __init__(self, inp, out, stride, ratio):
        super().__init__()
        width = int(round(inp * ratio))
        layers = [Conv2dNormActivation(inp, width, 1, activation_layer=nn.ReLU6)] if ratio != 1 else []
        layers.append(Conv2dNormActivation(width, width, stride=stride, groups=width, activation_layer=nn.ReLU6))
        self.conv = nn.Sequential(*layers, nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.use_res_connect = stride == 1 and inp == out

    def forward(self, x):
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, num_classes=1000, dropout=0.2):
        super().__init__()
        features, width, self.last_channel = [Conv2dNormActivation(3, 32, stride=2, activation_layer=nn.ReLU6)], 32, 1280
        table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        for ratio, out, count, stride in table:
            for i in range(count):
                features.append(InvertedResidual(width, out, stride if i == 0 else 1, ratio))
                width = out
        features.append(Conv2dNormActivation(width, self.last_channel, 1, activation_layer=nn.ReLU6))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes))

    def forward(self, x):
        x = nn.functional.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


def mobilenet_v2(pretrained=False, progress=True, weights=None, **kwargs):
    return MobileNetV2(**kwargs)
"""

NETWORKS = (
    "vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn alexnet densenet121 densenet161 densenet169 densenet201"
    " mobilenet_v2"
).split()

PLACES = {
    **{f"torchvision.models.{name}": name for name in NETWORKS},
    "torchvision.ops.Conv2dNormActivation": "Conv2dNormActivation",
    "torchvision.ops.misc.Conv2dNormActivation": "Conv2dNormActivation",
}
"""Torchvision's names to those of the text."""
