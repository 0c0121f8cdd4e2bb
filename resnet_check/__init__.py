"""resnet-check: does a ResNet run, is it the network that it says it is, and does it stay so?"""

__version__ = "0.1.0"
